"""What providers say, gathered by what it means.

Each text is in lower case. It is a provider's code, or a part of a sentence that the
provider writes for people. failures.py says in which order the lists are searched.
"""

# Why an answer ended: the finish reasons of all protocols

ENDS_WHOLE = [  # nothing is missing
    "stop",
    "end_turn",
    "stop_sequence",
    "completed",
    "complete",
    "eos",  # end of sequence
    "eos_token",
]
ENDS_TOO_LONG = [
    "length",
    "max_tokens",
    "max_output_tokens",
    "max_length",
    "model_length",
    "model_context_window_exceeded",
    "incomplete",
]
# Anthropic: the model goes on when the client sends back what has come so far.
ENDS_PAUSED = ["pause_turn"]
ENDS_FILTERED = [
    "content_filter",
    "content-filter",
    "guardrail_intervened",
    "safety",
    "recitation",  # it repeats a text that is under copyright
    "blocklist",
    "prohibited_content",
    "spii",  # sensitive personal information
    "sensitive",
    "error_toxic",
]
ENDS_DECLINED = ["refusal"]
ENDS_WITH_A_TOOL_CALL = [  # a tool is a function of ours that a model may call
    "tool_calls",
    "tool_use",
    "function_call",
    "function_call_filter",
    "malformed_function_call",
]
ENDS_IN_FAILURE = [
    "error",
    "failed",
    "abort",
    "network_error",
    "insufficient_system_resource",
]

# What an error says

WRONG_REGION = [
    "unsupported_country",
    "unsupported countries",
    "not available in your",  # region, or country
    "error code: 1009",  # Cloudflare: the owner of the site bans your country
    "user location is not supported",
    "request not allowed",
    "check your network settings",  # Groq, about a VPN
]
# OpenRouter: too many requests at once. It sends 402, the status for no credit.
BUSY_FOR_A_MOMENT = ["in_flight_budget"]
PROMPT_TOO_LONG = [
    "request too large",  # more tokens than the account may use in a minute
    "request_too_large",
    "prompt is too long",
    "input is too long",  # Amazon
    "input length",  # Anthropic: "input length and `max_tokens` exceed context limit"
    "input token count",  # Gemini
    "maximum prompt length",  # xAI
    "maximum model length",  # vLLM
    "model token limit",  # Moonshot
    "tokens in the prompt",  # Cohere
    "n_ctx",  # LM Studio
    "too_many_prompt_tokens",  # Perplexity
    "must have less than",  # "... 4096 tokens"
    "inputs` tokens",  # "`inputs` tokens + ... must be <= 4096"
    "context length",
    "context_length",
    "context size",
    "context_size",
    "context window",
    "contextwindow",  # LiteLLM: ContextWindowExceededError
]
NO_CREDIT = [
    "insufficient_quota",
    "insufficient balance",
    "balance is insufficient",
    "not enough balance",
    "余额不足",  # the same in Chinese: Zhipu
    "overdue balance",  # ByteDance
    "exceeded_current_quota",
    "credit_balance_exhausted",
    "credit balance",
    "any credits",  # "your team doesn't have any credits"
    "available credits",  # "has used all available credits"
    "spend_limit",
    "spend limit",
    "spending limit",
    "hard limit has been reached",
    "key limit exceeded",  # OpenRouter
    "usage_limit",
    "usage limit",
    "billing_not_active",
    "billing_error",
    "budget_exceeded",
    "budget has been exceeded",
    "arrearage",  # debts: Alibaba
    "free allocation",  # "you have used up your daily free allocation"
    "freetieronly",  # Alibaba
    "free-models-per-day",
    "requestsperday",  # Gemini
    "limit: 0",  # Gemini: this model is not free
    "per day limit exceeded",  # Cerebras
    "calls / month",  # Cohere
]
NO_SUCH_MODEL = [
    "model_not_found",
    "model_not_available",
    "model_not_supported",
    "model_access_denied",  # LiteLLM: not for this key
    "model_decommissioned",
    "model not found",
    "model not exist",
    "model does not exist",
    "no such model",
    "unknown_model",
    "unknown model",
    "invalid model",
    "model identifier is invalid",
    "not a valid model",
    "deploymentnotfound",
]
NOT_FOUND = [
    "plain http request",  # the address has http:// instead of https://
    "configure ai gateway",  # Cloudflare: no account has the name in the address
    "invalid provider",
]
REFUSED_PROMPT = [
    "invalid_prompt",
    "content_filter",
    "sensitive content",  # Zhipu
    "sensitivecontent",  # ByteDance
    "content filtering",
    "content_policy",
    "contentpolicy",
    "content exists risk",  # DeepSeek
    "usage guidelines",
    "was flagged",
    "inspection_failed",
    "due to security configurations",  # Cloudflare
]
REFUSED_REQUEST = [  # a field that the provider does not know
    "extra_forbidden",
    "extra inputs are not permitted",
    "failed to deserialize",  # could not read the JSON
]
TOO_LITTLE_MEMORY = [
    "system memory",
    "out of memory",
    "unable to allocate",
    "insufficient system resources",
]
# llama.cpp says these two words and no more. "error loading model" is another failure.
LOADING = ["'loading model'", "currently loading"]
WRONG_KEY = [
    "invalid_api_key",
    "api_key_invalid",
    "invalid api key",
    "obtain an api key",  # xAI
    "obtain%20an%20api%20key",  # the same in an address
    "api key not valid",
    "api key is valid",  # "please make sure your api key is valid"
    "api key expired",
    "reported as leaked",  # Gemini, about a key that somebody has published
    "invalid access token",
    "authorization failed",
    "authentication_error",
]
NOT_ALLOWED = [
    "permission_error",
    "permissiondenied",
    "permission is required",
    "insufficient permissions",
    "data policy",  # OpenRouter: your settings there exclude this model
    "terms_required",  # Groq: somebody must accept the terms of this model
    "organization_restricted",
    "organization has been disabled",
]
RATE_LIMIT = ["rate_limit", "capacity_exceeded"]
MODEL_FAILED = ["server_error", "model has crashed"]

# What the network says, in the words of several systems and libraries

WRONG_CERTIFICATE = ["certificate_verify_failed", "certificate verify failed"]
NO_SUCH_HOST = [
    "name or service not known",  # Linux
    "name does not resolve",  # Alpine Linux, in many containers
    "name resolution",  # "temporary failure in name resolution"
    "no address associated with hostname",
    "nodename nor servname",  # macOS
    "getaddrinfo failed",  # Windows
    "failed to resolve",  # urllib3
]

"""The animals of the zoo: what providers were seen to send, a row for each quirk.

Each row names its source: a page of a documentation, or an issue as owner/name#number.
"""

import failures
from models import FAST
from support.zoo import (
    BLOCK,
    CHUNKED,
    CREATED,
    DONE,
    LAST,
    REPLY,
    RESET,
    ROLE,
    SAID,
    STALL,
    START,
    USAGE,
    WORDS,
    Broken,
    Refused,
    Row,
    Whole,
    chat,
    chunked,
    ends,
    gzipped,
    http_chunk,
    reply,
    respond,
    response,
    said,
    said_text,
    sse,
    stops,
    until_closed,
)

LEAK = "sk-abcd****wxyz"  # what real messages can hold: a part of the key

# Where it stands

OPENAI = "https://platform.openai.com/docs/guides/error-codes"
OPENAI_STREAM = "https://platform.openai.com/docs/api-reference/chat-streaming"
OPENAI_EVENTS = "https://platform.openai.com/docs/api-reference/responses-streaming"
OPENAI_CREDIT = "https://learn.microsoft.com/en-us/microsoft-cloud/dev/dev-proxy/concepts/openai-insufficient-quota"
AZURE_FILTER = (
    "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-filter"
)
AZURE_STREAM = "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/concepts/content-streaming"
ANTHROPIC = "https://docs.claude.com/en/api/errors"
ANTHROPIC_STREAM = "https://docs.claude.com/en/docs/build-with-claude/streaming"
ANTHROPIC_STOPS = "https://docs.claude.com/en/api/handling-stop-reasons"
GROQ = "https://console.groq.com/docs/errors"
GEMINI = "https://ai.google.dev/gemini-api/docs/troubleshooting"
GEMINI_REASONS = "https://ai.google.dev/api/generate-content#FinishReason"
DEEPSEEK = "https://api-docs.deepseek.com/quick_start/error_codes"
DEEPSEEK_CHAT = "https://api-docs.deepseek.com/api/create-chat-completion"
DEEPSEEK_WAIT = "https://api-docs.deepseek.com/quick_start/rate_limit"
OPENROUTER = "https://openrouter.ai/docs/api/reference/errors-and-debugging"
OPENROUTER_STREAM = "https://openrouter.ai/docs/api/reference/streaming"
TOGETHER = "https://docs.together.ai/docs/error-codes"
FIREWORKS = "https://docs.fireworks.ai/guides/inference-error-codes"
MISTRAL_CHAT = "https://docs.mistral.ai/api/#tag/chat"
OLLAMA = "https://docs.ollama.com/api/errors"
LLAMA_CPP = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
VLLM = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html"
LITELLM = "https://docs.litellm.ai/docs/exception_mapping"
COHERE = "https://docs.cohere.com/reference/chat"
BEDROCK = (
    "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html"
)
ZHIPU = "https://docs.bigmodel.cn/api-reference"
TGI = "https://huggingface.co/docs/text-generation-inference/messages_api"
HUGGING_FACE = "https://huggingface.co/docs/inference-providers/pricing"
WORKERS_AI = "https://developers.cloudflare.com/workers-ai/platform/errors/"
CLOUDFLARE = "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/"
NGINX = "https://nginx.org/en/docs/http/ngx_http_proxy_module.html"
SSE = "https://html.spec.whatwg.org/multipage/server-sent-events.html"
HTTP = "https://www.rfc-editor.org/rfc/rfc9110"
HTTP_1 = "https://www.rfc-editor.org/rfc/rfc9112"


ASKED_AGAIN = [failures.NO_CONNECTION, failures.MODEL_FAILED, failures.NONSENSE]


def whole(name, source, steps, text="Hello world", **more):
    """Return the row of an answer to which nothing is missing."""
    return Row(name, source, steps, Whole(text), **more)


def cut(name, source, failure, steps, text="Hello world", **more):
    """Return the row of an answer that breaks after its first text."""
    return Row(name, source, steps, Broken(failure, text), **more)


def refused(name, source, failure, steps, seconds=5, **more):
    """Return the row of a refusal: it comes before the first text."""
    if isinstance(steps, bytes):
        steps = [steps]
    if failure in ASKED_AGAIN:
        more = {"asked": 2} | more
    return Row(name, source, steps, Refused(failure, seconds), **more)


def error(message, **fields):
    """Return the object in which most providers describe an error."""
    return {"error": {"message": message, **fields}}


# The answer is whole, and is told as whole

CHAT_WHOLE = [
    whole("openai", OPENAI_STREAM, ends("stop")),
    whole(
        "openai-usage",
        OPENAI_STREAM,
        chunked(
            *WORDS, chat(reason="stop"), sse({"choices": [], "usage": USAGE}), DONE
        ),
    ),
    whole(
        "azure-filters-first",
        AZURE_FILTER,
        chunked(
            sse({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
            *WORDS,
            chat(reason="stop", content_filter_results={}),
            DONE,
        ),
    ),
    whole(
        "azure-filters-last",
        AZURE_STREAM,
        chunked(
            *WORDS,
            chat(reason="stop"),
            sse(
                {
                    "id": "",
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": None,
                            "delta": {},
                            "content_filter_offsets": {"check_offset": 1},
                        }
                    ],
                }
            ),
            DONE,
        ),
    ),
    whole(
        "openrouter-processing",
        OPENROUTER_STREAM,
        chunked(b": OPENROUTER PROCESSING\n\n" * 3, *WORDS, chat(reason="stop"), DONE),
    ),
    whole(
        "openrouter-reason-twice",
        OPENROUTER_STREAM,
        chunked(
            *WORDS, chat(reason="stop"), chat("", reason="stop", usage=USAGE), DONE
        ),
    ),
    whole(
        "deepseek-keep-alive",
        DEEPSEEK_WAIT,
        chunked(b": keep-alive\n\n" * 3, *WORDS, chat(reason="stop"), DONE),
    ),
    whole(
        "deepseek-thinks-first",
        DEEPSEEK_CHAT,
        chunked(
            chat(
                delta={"role": "assistant", "content": None, "reasoning_content": "H"}
            ),
            chat(delta={"content": None, "reasoning_content": "m"}),
            *WORDS,
            chat(reason="stop"),
            DONE,
        ),
    ),
    whole(
        "together-eos",
        "https://docs.together.ai/reference/chat-completions-1",
        ends("eos"),
    ),
    whole("tgi-eos-token", TGI, ends("eos_token")),
    whole("tgi-stop-sequence", TGI, ends("stop_sequence")),
    whole("cohere-complete", COHERE, ends("COMPLETE")),
    whole("gemini-stop", "HKUDS/Vibe-Trading#308", ends("STOP")),
    whole("bedrock-end-turn", BEDROCK, ends("end_turn")),
    whole(
        "gemini-running-totals",
        "https://ai.google.dev/gemini-api/docs/openai",
        chunked(
            chat("Hello", usage=USAGE),
            chat(" world", usage=USAGE),
            chat("", reason="stop", usage=USAGE),
            DONE,
        ),
    ),
    whole(
        "mistral-thinks-in-lists",
        "https://docs.mistral.ai/capabilities/reasoning/",
        chunked(
            chat([{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]),
            chat([{"type": "text", "text": "Hello"}]),
            chat(" world"),
            chat("", reason="stop"),
            DONE,
        ),
    ),
    whole(
        "groq-x-groq",
        "https://console.groq.com/docs/api-reference#chat-create",
        chunked(*WORDS, chat(reason="stop", x_groq={"usage": USAGE}), DONE),
    ),
    whole(
        "moonshot-usage-in-choice",
        "earendil-works/pi#2017",
        chunked(
            *WORDS,
            sse(
                {
                    "choices": [
                        {
                            "index": 0,
                            "delta": {},
                            "finish_reason": "stop",
                            "usage": USAGE,
                        }
                    ]
                }
            ),
            DONE,
        ),
    ),
    whole(
        "reason-with-the-last-text",
        LLAMA_CPP,
        chunked(ROLE, chat("Hello"), chat(" world", reason="stop"), DONE),
    ),
    whole(
        "empty-reasons-until-the-last",
        "https://github.com/songquanpeng/one-api",
        chunked(
            chat("Hello", reason=""),
            chat(" world", reason=""),
            *[chat(reason="stop")],
            DONE,
        ),
    ),
    whole(
        "no-done",
        "lmstudio-ai/lmstudio-bug-tracker#618",
        chunked(*WORDS, chat(reason="stop")),
    ),
    whole("done-twice", SSE, chunked(*WORDS, chat(reason="stop"), DONE, DONE)),
    whole(
        "words-after-done",
        SSE,
        chunked(*WORDS, chat(reason="stop"), DONE, b"data: bye\n\n"),
    ),
    whole(
        "crlf",
        SSE,
        chunked(
            *(event.replace(b"\n", b"\r\n") for event in WORDS),
            chat(reason="stop").replace(b"\n", b"\r\n"),
            DONE,
        ),
    ),
    whole(
        "no-space-after-data",
        SSE,
        chunked(
            *(event.replace(b"data: ", b"data:") for event in WORDS),
            chat(reason="stop").replace(b"data: ", b"data:"),
            b"data:[DONE]\n\n",
        ),
    ),
    whole(
        "names-and-ids",
        SSE,
        chunked(
            *(b"id: 1\nevent: message\n" + event for event in WORDS),
            chat(reason="stop"),
            DONE,
        ),
    ),
    whole(
        "byte-by-byte",
        HTTP_1,
        chunked(
            *(bytes([byte]) for byte in b"".join([*WORDS, chat(reason="stop"), DONE]))
        ),
    ),
    whole(
        "letters-cut-in-bytes",
        HTTP_1,
        [
            CHUNKED,
            *(http_chunk(bytes([byte])) for byte in chat("naïve 日本 👩‍🚀")),
            http_chunk(chat(reason="stop") + DONE),
            LAST,
        ],
        text="naïve 日本 👩‍🚀",
    ),
    whole(
        "chunk-extensions",
        HTTP_1,
        [
            CHUNKED,
            *(http_chunk(event, b";a=b") for event in WORDS),
            http_chunk(chat(reason="stop")),
            b"0;a=b\r\nTrailer: x\r\n\r\n",
        ],
    ),
    whole(
        "all-in-one-packet",
        HTTP_1,
        [b"".join(chunked(b"".join([*WORDS, chat(reason="stop"), DONE])))],
    ),
    whole("gzip", HTTP, gzipped(*WORDS, chat(reason="stop"), DONE)),
    whole("ends-by-closing", HTTP_1, until_closed(*WORDS, chat(reason="stop"), DONE)),
    whole(
        "http-1.0",
        HTTP_1,
        [b"HTTP/1.0 200 OK\r\n\r\n", *WORDS, chat(reason="stop"), DONE],
    ),
    whole(
        "says-it-is-text",
        SSE,
        [
            CHUNKED.replace(b"text/event-stream", b"text/plain"),
            *(http_chunk(event) for event in [*WORDS, chat(reason="stop"), DONE]),
            LAST,
        ],
    ),
    whole(
        "early-hints-first",
        HTTP,
        [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", *ends("stop")],
    ),
    whole(
        "byte-order-mark-before-the-role",
        SSE,
        chunked(b"\xef\xbb\xbf" + WORDS[0], *WORDS[1:], chat(reason="stop"), DONE),
    ),
    whole(
        "reset-after-its-end",
        "vllm-project/vllm#57082",
        [*chunked(*WORDS, chat(reason="stop"), last=b""), RESET],
    ),
    whole(
        "drops-after-its-end", HTTP_1, chunked(*WORDS, chat(reason="stop"), last=b"")
    ),
    whole(
        "silent-after-its-end",
        "https://platform.openai.com/docs/api-reference/chat-streaming",
        [*chunked(*WORDS, chat(reason="stop"), last=b""), STALL],
    ),
    whole(
        "busy-once",
        OPENAI,
        [respond(503, error("Overloaded", type="service_unavailable_error"))],
        then=ends("stop"),
        asked=2,
    ),
    whole(
        "failed-in-the-stream-once",
        "openai/codex#43337",
        chunked(sse(error("Our servers are overloaded.", code="server_is_overloaded"))),
        then=ends("stop"),
        asked=2,
    ),
    whole(
        "lm-studio-failed-in-the-stream-once",
        "lmstudio-ai/lmstudio-bug-tracker#932",
        chunked(
            sse(error("The model has crashed without additional information."), "error")
        ),
        then=ends("stop"),
        asked=2,
    ),
    whole(
        "openrouter-failed-in-the-stream-once",
        OPENROUTER,
        chunked(
            chat("", reason="error", **error("Provider returned error", code=502)), DONE
        ),
        then=ends("stop"),
        asked=2,
    ),
    whole("reset-once", HTTP_1, [RESET], then=ends("stop"), asked=2),
    whole(
        "an-error-of-null",
        VLLM,
        chunked(
            *(chat(text, error=None) for text in ["Hello", " world"]),
            chat(reason="stop"),
            DONE,
        ),
    ),
]

# It is cut, and is told as cut

CUT_REASONS = [
    ("openai-length", OPENAI_STREAM, "length", failures.TOO_LONG),
    ("bedrock-max-tokens", BEDROCK, "max_tokens", failures.TOO_LONG),
    ("gemini-max-tokens", GEMINI_REASONS, "MAX_TOKENS", failures.TOO_LONG),
    ("mistral-model-length", MISTRAL_CHAT, "model_length", failures.TOO_LONG),
    (
        "zhipu-window",
        "anomalyco/opencode#18918",
        "model_context_window_exceeded",
        failures.TOO_LONG,
    ),
    ("openai-filter", OPENAI_STREAM, "content_filter", failures.FILTERED),
    ("gemini-safety", GEMINI_REASONS, "SAFETY", failures.FILTERED),
    ("gemini-recitation", GEMINI_REASONS, "RECITATION", failures.FILTERED),
    ("gemini-blocklist", GEMINI_REASONS, "BLOCKLIST", failures.FILTERED),
    ("gemini-prohibited", GEMINI_REASONS, "PROHIBITED_CONTENT", failures.FILTERED),
    ("gemini-spii", GEMINI_REASONS, "SPII", failures.FILTERED),
    (
        "gemini-filter-with-a-name",
        "BerriAI/litellm#20357",
        "content_filter: PROHIBITED_CONTENT",
        failures.FILTERED,
    ),
    ("bedrock-guardrail", BEDROCK, "guardrail_intervened", failures.FILTERED),
    ("bedrock-filter", BEDROCK, "content_filtered", failures.STOPPED_EARLY),
    ("zhipu-sensitive", ZHIPU, "sensitive", failures.FILTERED),
    ("cohere-toxic", COHERE, "ERROR_TOXIC", failures.FILTERED),
    ("refusal", ANTHROPIC_STOPS, "refusal", failures.DECLINED),
    ("openai-tools", OPENAI_STREAM, "tool_calls", failures.TOOL_CALL),
    ("openai-function", OPENAI_STREAM, "function_call", failures.TOOL_CALL),
    (
        "gemini-bad-function",
        GEMINI_REASONS,
        "MALFORMED_FUNCTION_CALL",
        failures.TOOL_CALL,
    ),
    (
        "gemini-function-filter",
        "mozilla-ai/any-llm#1202",
        "function_call_filter: MALFORMED_FUNCTION_CALL",
        failures.TOOL_CALL,
    ),
    ("vllm-abort", "vllm-project/vllm#57082", "abort", failures.MODEL_FAILED),
    ("mistral-error", MISTRAL_CHAT, "error", failures.MODEL_FAILED),
    (
        "deepseek-no-resources",
        DEEPSEEK_CHAT,
        "insufficient_system_resource",
        failures.MODEL_FAILED,
    ),
    ("zhipu-network", ZHIPU, "network_error", failures.MODEL_FAILED),
    ("gemini-language", GEMINI_REASONS, "LANGUAGE", failures.STOPPED_EARLY),
    ("gemini-other", GEMINI_REASONS, "OTHER", failures.STOPPED_EARLY),
    ("cohere-error-limit", COHERE, "ERROR_LIMIT", failures.STOPPED_EARLY),
    ("a-reason-of-tomorrow", OPENAI_STREAM, "out_of_luck", failures.STOPPED_EARLY),
    ("unknown", "vercel/ai#6534", "unknown", failures.STOPPED_EARLY),
]
CHAT_CUT = [
    cut(name, source, failure, ends(reason))
    for name, source, reason, failure in CUT_REASONS
]


def fails(message, event=None):
    """Return the steps of a stream with an error event after its first words."""
    return chunked(*WORDS, sse(message, event), DONE)


CHAT_CUT += [
    cut(
        "no-reason",
        "ranxianglei/billion-context-omp#105",
        failures.STOPPED_EARLY,
        chunked(*WORDS, DONE),
    ),
    cut(
        "no-reason-no-done",
        "ranxianglei/billion-context-pi#92",
        failures.STOPPED_EARLY,
        chunked(*WORDS),
    ),
    cut(
        "closes-without-a-reason", HTTP_1, failures.STOPPED_EARLY, until_closed(*WORDS)
    ),
    cut("drops", HTTP_1, failures.NO_CONNECTION, chunked(*WORDS, last=b"")),
    cut("resets", HTTP_1, failures.NO_CONNECTION, [*chunked(*WORDS, last=b""), RESET]),
    cut(
        "drops-inside-a-chunk",
        HTTP_1,
        failures.NO_CONNECTION,
        chunked(*WORDS, last=b"ff\r\ndata: {"),
    ),
    cut(
        "drops-inside-an-event",
        HTTP_1,
        failures.NONSENSE,
        until_closed(*WORDS, chat(" again")[:40] + b"\n\n"),
        wrong_advice="a proxy that cuts inside an event looks like nonsense",
    ),
    cut(
        "silent",
        "https://platform.openai.com/docs/api-reference/chat-streaming",
        failures.SILENT,
        [*chunked(*WORDS, last=b""), STALL],
    ),
    cut(
        "not-utf-8",
        SSE,
        failures.NONSENSE,
        chunked(*WORDS, b"data: \xff\n\n"),
        wrong_advice="its address is right, since it began to answer",
    ),
    cut(
        "openai-error",
        OPENAI_STREAM,
        failures.MODEL_FAILED,
        fails(error("The server had an error", type="server_error", code=None)),
    ),
    cut(
        "vllm-error",
        "vllm-project/vllm#57089",
        failures.MODEL_FAILED,
        fails(error("EngineCore died", type="InternalServerError", code=500)),
    ),
    cut(
        "vllm-too-long",
        VLLM,
        failures.PROMPT_TOO_LONG,
        fails(error("maximum context length is 4096 tokens", code=400)),
    ),
    cut(
        "tgi-error",
        "huggingface/text-generation-inference#2668",
        failures.MODEL_FAILED,
        fails(
            {"error": "Request failed during generation", "error_type": "generation"}
        ),
    ),
    cut(
        "tgi-error-event",
        "huggingface/text-generation-inference#2668",
        failures.MODEL_FAILED,
        fails(error("Request failed during generation", http_status_code=424)),
    ),
    cut(
        "ollama-error",
        OLLAMA,
        failures.MODEL_FAILED,
        fails(error("an error was encountered while running the model")),
    ),
    cut(
        "lm-studio-error",
        "lmstudio-ai/lmstudio-bug-tracker#932",
        failures.MODEL_FAILED,
        fails(error("The model has crashed without additional information."), "error"),
    ),
    cut(
        "lm-studio-context",
        "lmstudio-ai/lmstudio-bug-tracker#2322",
        failures.PROMPT_TOO_LONG,
        fails(error("Context size has been exceeded."), "error"),
    ),
    cut(
        "llama-cpp-error",
        "ggml-org/llama.cpp#19774",
        failures.PROMPT_TOO_LONG,
        fails(error("Context size has been exceeded.", code=500, type="server_error")),
    ),
    cut(
        "llama-cpp-error-field",
        "ggml-org/llama.cpp#15780",
        failures.STOPPED_EARLY,
        chunked(*WORDS, b'error: {"code":500,"message":"failed"}\n\n', DONE),
    ),
    cut(
        "openrouter-error",
        OPENROUTER,
        failures.MODEL_FAILED,
        chunked(
            *WORDS,
            chat("", reason="error", **error("Provider disconnected", code=502)),
            DONE,
        ),
    ),
    cut(
        "openrouter-limit",
        OPENROUTER,
        failures.RATE_LIMIT,
        chunked(*WORDS, chat("", reason="error", **error("Rate limited", code=429))),
    ),
    cut(
        "groq-capacity",
        "UKGovernmentBEIS/inspect_ai#5218",
        failures.MODEL_FAILED,
        fails(error("Over capacity", type="internal_server_error"), "error"),
    ),
    cut(
        "litellm-limit",
        LITELLM,
        failures.RATE_LIMIT,
        fails(error("litellm.RateLimitError", type=None, param=None, code="429")),
    ),
    cut(
        "sglang-abort",
        "sgl-project/sglang#19357",
        failures.MODEL_FAILED,
        fails(error("Aborted by the scheduler", type="ServiceUnavailable", code=503)),
    ),
    cut(
        "gemini-filter-without-a-delta",
        "bespokelabsai/curator#261",
        failures.STOPPED_EARLY,
        chunked(
            *WORDS,
            sse(
                {
                    "id": "c1",
                    "object": "chat.completion.chunk",
                    "created": 1,
                    "model": "m",
                    "choices": [
                        {
                            "index": 0,
                            "finish_reason": "content_filter: PROHIBITED_CONTENT",
                        }
                    ],
                }
            ),
            DONE,
        ),
        wrong_advice="its client drops a choice without a delta, and its reason",
    ),
    cut(
        "byte-order-mark-before-a-word",
        SSE,
        failures.STOPPED_EARLY,
        chunked(ROLE, chat("Hello"), b"\xef\xbb\xbf" + chat(" world", reason="stop")),
        text="Hello",
        wrong_advice="the mark costs the event behind it, at each answer",
    ),
]

# It is refused

CHAT_REFUSED = [
    # the key
    refused(
        "openai-key",
        OPENAI,
        failures.WRONG_KEY,
        respond(
            401,
            error(
                f"Incorrect API key provided: {LEAK}.",
                type="invalid_request_error",
                code="invalid_api_key",
            ),
        ),
        log="401 invalid_api_key",
    ),
    refused(
        "openai-key-rights",
        OPENAI,
        failures.WRONG_KEY,
        respond(401, error("Missing scopes: model.request", code=None)),
        wrong_advice="the key is right, and has not the right to ask models",
    ),
    refused(
        "openai-organization",
        OPENAI,
        failures.WRONG_KEY,
        respond(
            401,
            error("You must be a member of an organization to use the API", code=None),
        ),
        wrong_advice="the key is right, and its account belongs to nobody",
    ),
    refused(
        "azure-key",
        "RussellCanfield/wingman-ai-vscode-extension#73",
        failures.WRONG_KEY,
        respond(
            401, error("Access denied due to invalid subscription key", code="401")
        ),
    ),
    refused(
        "gemini-key",
        "google/timesketch#3703",
        failures.WRONG_KEY,
        respond(
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": "API key not valid. Please pass a valid API key.",
                        "status": "INVALID_ARGUMENT",
                        "details": [{"reason": "API_KEY_INVALID"}],
                    }
                }
            ],
        ),
        log="400 api_key_invalid",
    ),
    refused(
        "gemini-key-not-found",
        "google-gemini/gemini-cli#25198",
        failures.WRONG_KEY,
        respond(
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": "API Key not found. Please pass a valid API key.",
                        "status": "INVALID_ARGUMENT",
                        "details": [{"reason": "API_KEY_INVALID"}],
                    }
                }
            ],
        ),
    ),
    refused(
        "xai-key",
        "continuedev/continue#10778",
        failures.WRONG_KEY,
        respond(
            400,
            {
                "code": "Client specified an invalid argument",
                "error": f"Incorrect API key provided: {LEAK}. You can obtain an API"
                " key from https://console.x.ai.",
            },
        ),
        log="400 obtain an api key",
    ),
    refused(
        "xai-key-quoted",
        "i-am-bee/beeai-framework#447",
        failures.WRONG_KEY,
        respond(
            400,
            {
                "code": "Client specified an invalid argument",
                "error": "Incorrect%20API%20key%20provided:%20ba***na.%20You%20can"
                "%20obtain%20an%20API%20key%20from%20https://console.x.ai.",
            },
        ),
    ),
    refused(
        "mistral-key",
        "coolcline/CoolCline#36",
        failures.WRONG_KEY,
        respond(401, {"message": "Unauthorized", "request_id": "933f"}),
    ),
    refused(
        "mistral-key-detail",
        "agent0ai/agent-zero#539",
        failures.WRONG_KEY,
        respond(401, {"detail": "Unauthorized"}),
    ),
    refused(
        "mistral-key-without-a-body",
        "continuedev/continue#10277",
        failures.WRONG_KEY,
        respond(401, ""),
    ),
    refused(
        "deepseek-key",
        DEEPSEEK,
        failures.WRONG_KEY,
        respond(
            401,
            error(
                f"Authentication Fails, Your api key: {LEAK} is invalid",
                type="authentication_error",
                code="invalid_request_error",
            ),
        ),
        log="401 authentication_error",
    ),
    refused(
        "openrouter-key",
        OPENROUTER,
        failures.WRONG_KEY,
        respond(401, error("No auth credentials found", code=401)),
    ),
    refused(
        "groq-key",
        GROQ,
        failures.WRONG_KEY,
        respond(
            401,
            error(
                "Invalid API Key", type="invalid_request_error", code="invalid_api_key"
            ),
        ),
    ),
    refused(
        "together-key",
        TOGETHER,
        failures.WRONG_KEY,
        respond(401, error("Invalid API key provided", code="invalid_api_key")),
    ),
    refused(
        "fireworks-key",
        FIREWORKS,
        failures.WRONG_KEY,
        respond(401, {"error": "unauthorized"}),
    ),
    refused(
        "vllm-key", VLLM, failures.WRONG_KEY, respond(401, {"error": "Unauthorized"})
    ),
    refused(
        "llama-cpp-key",
        LLAMA_CPP,
        failures.WRONG_KEY,
        respond(401, error("Invalid API Key", type="authentication_error", code=401)),
    ),
    refused(
        "workers-ai-key",
        "Ikalus1988/MisakaNet#1489",
        failures.WRONG_KEY,
        respond(
            401,
            {
                "result": None,
                "success": False,
                "errors": [{"code": 10000, "message": "Authentication error"}],
                "messages": [],
            },
        ),
    ),
    refused(
        "litellm-key",
        LITELLM,
        failures.WRONG_KEY,
        respond(
            401,
            error("Authentication Error, No api key", type="auth_error", code="401"),
        ),
    ),
    # the credit
    refused(
        "openai-quota",
        OPENAI,
        failures.NO_CREDIT,
        respond(
            429,
            error(
                "You exceeded your current quota, please check your plan and billing",
                type="insufficient_quota",
                code="insufficient_quota",
            ),
        ),
        log="429 insufficient_quota",
    ),
    refused(
        "openai-credit",
        OPENAI_CREDIT,
        failures.NO_CREDIT,
        respond(429, error("No credits.", type="x", code="credit_balance_exhausted")),
    ),
    refused(
        "openai-project-limit",
        OPENAI_CREDIT,
        failures.NO_CREDIT,
        respond(429, error("Limit", type="x", code="project_spend_limit_exceeded")),
    ),
    refused(
        "openai-usage-limit",
        OPENAI_CREDIT,
        failures.NO_CREDIT,
        respond(429, error("Limit", code="organization_usage_limit_exceeded")),
    ),
    refused(
        "openai-billing",
        OPENAI,
        failures.NO_CREDIT,
        respond(429, error("Your account is not active", code="billing_not_active")),
    ),
    refused(
        "deepseek-credit",
        DEEPSEEK,
        failures.NO_CREDIT,
        respond(
            402,
            error(
                "Insufficient Balance",
                type="unknown_error",
                code="invalid_request_error",
            ),
        ),
        log="402 insufficient balance",
    ),
    refused(
        "openrouter-credit",
        OPENROUTER,
        failures.NO_CREDIT,
        respond(402, error("Insufficient credits", code=402)),
        log="402",
    ),
    refused(
        "openrouter-free-per-day",
        "Gitlawb/openclaude#936",
        failures.NO_CREDIT,
        respond(
            429,
            error(
                "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock"
                " 1000 free model requests per day",
                code=429,
                metadata={"headers": {"X-RateLimit-Remaining": "0"}},
            ),
        ),
    ),
    refused(
        "xai-no-credits",
        "griptape-ai/griptape-nodes-engine#1079",
        failures.NO_CREDIT,
        respond(
            403,
            {
                "code": "The caller does not have permission to execute the specified"
                " operation",
                "error": "Your newly created teams doesn't have any credits yet.",
            },
        ),
    ),
    refused(
        "xai-credits-used",
        "warpdotdev/warp#14868",
        failures.NO_CREDIT,
        respond(
            403,
            {
                "code": "The caller does not have permission",
                "error": "Your team has either used all available credits or reached"
                " its monthly spending limit.",
            },
        ),
    ),
    refused(
        "together-credit",
        TOGETHER,
        failures.NO_CREDIT,
        respond(402, error("Credit limit exceeded", type="credit_limit")),
    ),
    refused(
        "fireworks-suspended",
        FIREWORKS,
        failures.NO_CREDIT,
        respond(
            412,
            error(
                "Account x is suspended, possibly due to reaching the monthly spending"
                " limit or failure to pay past invoices.",
                code="PRECONDITION_FAILED",
            ),
        ),
    ),
    refused(
        "huggingface-credit",
        HUGGING_FACE,
        failures.NO_CREDIT,
        respond(402, {"error": "You have exceeded your monthly included credits"}),
    ),
    refused(
        "litellm-budget",
        "BerriAI/litellm#36729",
        failures.NO_CREDIT,
        respond(
            429,
            error(
                "Budget has been exceeded! Current cost: 10.51, Max budget: 10.00",
                type="budget_exceeded",
                code="429",
            ),
        ),
    ),
    refused(
        "litellm-budget-as-400",
        "BerriAI/litellm#14144",
        failures.NO_CREDIT,
        respond(
            400, error("Budget has been exceeded! Current cost", type=None, code="400")
        ),
    ),
    refused(
        "moonshot-credit",
        "https://platform.moonshot.ai/docs/api/chat",
        failures.NO_CREDIT,
        respond(
            429, error("Your account is suspended", type="exceeded_current_quota_error")
        ),
    ),
    refused(
        "qwen-credit",
        "hsliuping/TradingAgents-CN#170",
        failures.NO_CREDIT,
        respond(
            400,
            error(
                "Access denied, please make sure your account is in good standing.",
                type="Arrearage",
                code="Arrearage",
            ),
        ),
    ),
    refused(
        "workers-ai-allocation",
        WORKERS_AI,
        failures.NO_CREDIT,
        respond(
            429,
            {
                "errors": [
                    {
                        "message": "AiError: you have used up your daily free"
                        " allocation of 10,000 neurons",
                        "code": 4006,
                    }
                ],
                "success": False,
            },
        ),
    ),
    refused(
        "openrouter-in-flight",
        OPENROUTER,
        failures.RATE_LIMIT,
        respond(
            402,
            error(
                "Too much is being spent at once",
                code=402,
                metadata={"limit_source": "openrouter_in_flight_budget"},
            ),
            Retry_After="9",
        ),
        seconds=9,
    ),
    refused(
        "moonshot-overloaded",
        "https://platform.moonshot.ai/docs/api/chat",
        failures.RATE_LIMIT,
        respond(429, error("The engine is overloaded", type="engine_overloaded_error")),
    ),
    # a limit that passes
    refused(
        "openai-rate",
        OPENAI,
        failures.RATE_LIMIT,
        respond(
            429,
            error(
                "Rate limit reached for gpt-test. Please try again in 7.66s. Visit"
                " https://platform.openai.com/account/billing",
                type="requests",
                code="rate_limit_exceeded",
            ),
            Retry_After="8",
        ),
        seconds=8,
        log="429 rate_limit",
    ),
    refused(
        "openai-slow-down",
        OPENAI_CREDIT,
        failures.RATE_LIMIT,
        respond(429, error("Slow down", type="rate_limit_error", code="slow_down")),
    ),
    refused(
        "azure-rate",
        "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/quotas-limits",
        failures.RATE_LIMIT,
        respond(
            429,
            error("Requests have exceeded call rate limit", code="429"),
            retry_after_ms="1500",
            Retry_After="30",
        ),
        seconds=2,
    ),
    refused(
        "rate-until-a-date",
        "https://www.rfc-editor.org/rfc/rfc9110#field.retry-after",
        failures.RATE_LIMIT,
        respond(429, "", Retry_After="Fri, 31 Dec 1999 23:59:59 GMT"),
    ),
    refused(
        "groq-rate",
        "continuedev/continue#10920",
        failures.RATE_LIMIT,
        respond(
            429,
            error(
                "Rate limit reached for model `llama` on tokens per day (TPD): Limit"
                " 100000, Used 97050. Please try again in 9m38.016s.",
                type="tokens",
                code="rate_limit_exceeded",
            ),
            Retry_After="578.016",
        ),
        seconds=579,
    ),
    refused(
        "gemini-rate",
        "google-gemini/gemini-cli#6454",
        failures.RATE_LIMIT,
        respond(
            429,
            [
                {
                    "error": {
                        "code": 429,
                        "message": "You exceeded your current quota, please check your"
                        " plan and billing details. Please retry in 22.8s.",
                        "status": "RESOURCE_EXHAUSTED",
                    }
                }
            ],
        ),
        seconds=23,
    ),
    refused(
        "mistral-rate",
        "raycast/extensions#31107",
        failures.RATE_LIMIT,
        respond(
            429,
            {
                "object": "error",
                "message": "Rate limit exceeded",
                "type": "rate_limited",
                "param": None,
                "code": "1300",
                "raw_status_code": 429,
            },
        ),
    ),
    refused(
        "mistral-capacity",
        "continuedev/continue#6185",
        failures.RATE_LIMIT,
        respond(
            429,
            {
                "object": "error",
                "message": "Service tier capacity exceeded for this model.",
                "type": "invalid_request_error",
                "param": None,
                "code": None,
            },
        ),
    ),
    refused(
        "xai-rate",
        "cline/cline#4826",
        failures.RATE_LIMIT,
        respond(
            429,
            {
                "code": "Some resource has been exhausted",
                "error": "Too many tokens for team and model grok.",
            },
        ),
    ),
    refused(
        "workers-ai-capacity",
        WORKERS_AI,
        failures.RATE_LIMIT,
        respond(
            429, {"errors": [{"code": 3040, "message": "AiError: Capacity exceeded"}]}
        ),
    ),
    refused(
        "openrouter-rate-in-the-stream",
        OPENROUTER,
        failures.RATE_LIMIT,
        chunked(chat("", reason="error", **error("Rate limited", code=429))),
    ),
    # the length of the prompt
    refused(
        "openai-long",
        OPENAI,
        failures.PROMPT_TOO_LONG,
        respond(
            400,
            error(
                "This model's maximum context length is 8192 tokens.",
                type="invalid_request_error",
                param="messages",
                code="context_length_exceeded",
            ),
        ),
    ),
    refused(
        "openai-too-large-for-a-minute",
        "vanna-ai/vanna-flask#11",
        failures.PROMPT_TOO_LONG,
        respond(
            429,
            error(
                "Request too large for gpt-4o on tokens per min (TPM): Limit 30000,"
                " Requested 342389.",
                type="tokens",
                code="rate_limit_exceeded",
            ),
        ),
    ),
    refused(
        "groq-413",
        "HunorLaczko/ha-groq-cloud-api#27",
        failures.PROMPT_TOO_LONG,
        respond(
            413,
            error(
                "Request too large for model `llama` on tokens per minute (TPM)",
                type="tokens",
                code="rate_limit_exceeded",
            ),
        ),
    ),
    refused(
        "vllm-long",
        VLLM,
        failures.PROMPT_TOO_LONG,
        respond(
            400,
            {
                "object": "error",
                "message": "This model's maximum context length is 4096 tokens.",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
        ),
    ),
    refused(
        "llama-cpp-long",
        "ggml-org/llama.cpp#19774",
        failures.PROMPT_TOO_LONG,
        respond(
            400,
            error(
                "request (4390 tokens) exceeds the available context size (4096"
                " tokens), try increasing it",
                code=400,
                type="exceed_context_size_error",
            ),
        ),
    ),
    refused(
        "llama-cpp-long-as-500",
        "ggml-org/llama.cpp#19774",
        failures.PROMPT_TOO_LONG,
        respond(
            500, error("Context size has been exceeded.", code=500, type="server_error")
        ),
    ),
    refused(
        "llama-cpp-long-in-a-200",
        "oobabooga/textgen#7257",
        failures.PROMPT_TOO_LONG,
        chunked(
            sse(
                error(
                    "the request exceeds the available context size",
                    code=400,
                    type="exceed_context_size_error",
                )
            )
        ),
    ),
    refused(
        "lm-studio-long",
        "lmstudio-ai/lmstudio-bug-tracker#546",
        failures.PROMPT_TOO_LONG,
        chunked(
            sse(
                error(
                    "Trying to keep the first 111490 tokens when context the"
                    " overflows. However, the model is loaded with context length of"
                    " only 32768 tokens, which is not enough."
                ),
                "error",
            )
        ),
    ),
    refused(
        "lm-studio-long-without-a-word",
        "lmstudio-ai/lmstudio-bug-tracker#2339",
        failures.NO_TEXT,
        chunked(ROLE, chat(reason="stop"), sse({"choices": [], "usage": USAGE}), DONE),
    ),
    refused(
        "mistral-long",
        MISTRAL_CHAT,
        failures.PROMPT_TOO_LONG,
        respond(
            400,
            {
                "object": "error",
                "message": "Prompt contains 40000 tokens, too large for model with"
                " 32768 maximum context length",
                "type": "invalid_request_error",
                "code": "3051",
            },
        ),
    ),
    refused(
        "together-long",
        "https://portkey.ai/error-library/input-validation-error-10151",
        failures.PROMPT_TOO_LONG,
        respond(
            403,
            error(
                "Input validation error: `inputs` tokens + `max_new_tokens` must be"
                " <= 4097.",
                type="invalid_request_error",
            ),
        ),
    ),
    refused(
        "tgi-long",
        "huggingface/text-generation-inference#2668",
        failures.PROMPT_TOO_LONG,
        chunked(
            sse(
                error(
                    "Input validation error: `inputs` must have less than 4095 tokens.",
                    http_status_code=422,
                )
            )
        ),
    ),
    refused(
        "litellm-long",
        LITELLM,
        failures.PROMPT_TOO_LONG,
        respond(
            400,
            error(
                "litellm.ContextWindowExceededError: context window exceeded",
                type="invalid_request_error",
                code="400",
            ),
        ),
    ),
    refused(
        "nginx-413",
        "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size",
        failures.PROMPT_TOO_LONG,
        respond(413, "<h1>413 Request Entity Too Large</h1>", "text/html"),
    ),
    # the model's name
    refused(
        "openai-model",
        OPENAI,
        failures.NO_SUCH_MODEL,
        respond(
            404,
            error(
                "The model `gpt-9` does not exist or you do not have access to it.",
                type="invalid_request_error",
                code="model_not_found",
            ),
        ),
        log="404 model_not_found",
    ),
    refused(
        "openai-model-for-this-project",
        OPENAI,
        failures.NO_SUCH_MODEL,
        respond(
            403, error("Project does not have access to model", code="model_not_found")
        ),
    ),
    refused(
        "openai-no-chat-model",
        OPENAI,
        failures.NOT_FOUND,
        respond(
            404,
            error(
                "This is not a chat model and thus not supported in the"
                " v1/chat/completions endpoint.",
                type="invalid_request_error",
                param="model",
                code=None,
            ),
        ),
    ),
    refused(
        "azure-deployment",
        "chatboxai/chatbox#646",
        failures.NO_SUCH_MODEL,
        respond(
            404,
            error(
                "The API deployment for this resource does not exist.",
                code="DeploymentNotFound",
            ),
        ),
    ),
    refused(
        "ollama-model",
        "ollama/ollama#2203",
        failures.NOT_FOUND,
        respond(
            404,
            error(
                "model 'gpt-4.1-mini' not found",
                type="not_found_error",
                param=None,
                code=None,
            ),
        ),
    ),
    refused(
        "vllm-model",
        VLLM,
        failures.NOT_FOUND,
        respond(
            404,
            error(
                "The model `m` does not exist.",
                type="NotFoundError",
                param="model",
                code=404,
            ),
        ),
    ),
    refused(
        "gemini-model",
        GEMINI,
        failures.NOT_FOUND,
        respond(
            404,
            [
                {
                    "error": {
                        "code": 404,
                        "message": "models/x is not found for API version v1main",
                        "status": "NOT_FOUND",
                    }
                }
            ],
        ),
    ),
    refused(
        "xai-model",
        "https://docs.x.ai/docs/guides/errors",
        failures.NOT_FOUND,
        respond(
            404,
            {
                "code": "Some requested entity was not found",
                "error": "The model grok-9 does not exist or your team does not have"
                " access to it.",
            },
        ),
    ),
    refused(
        "openrouter-model",
        "OpenRouterTeam/openrouter-examples#74",
        failures.NO_SUCH_MODEL,
        respond(400, error("claude-sonnet-4-6 is not a valid model ID", code=400)),
    ),
    refused(
        "openrouter-no-endpoints",
        OPENROUTER,
        failures.NOT_FOUND,
        respond(404, error("No endpoints found for x/y.", code=404)),
    ),
    refused(
        "groq-model-retired",
        "https://console.groq.com/docs/deprecations",
        failures.NO_SUCH_MODEL,
        respond(
            400,
            error(
                "The model `llama` has been decommissioned",
                type="invalid_request_error",
                code="model_decommissioned",
            ),
        ),
    ),
    refused(
        "mistral-model",
        MISTRAL_CHAT,
        failures.NO_SUCH_MODEL,
        respond(
            400,
            {
                "object": "error",
                "message": "Invalid model: mistral-huge",
                "type": "invalid_model",
                "param": None,
                "code": "1500",
            },
        ),
    ),
    refused(
        "deepseek-model",
        DEEPSEEK,
        failures.NO_SUCH_MODEL,
        respond(400, error("Model Not Exist", type="invalid_request_error")),
    ),
    refused(
        "together-model",
        TOGETHER,
        failures.NO_SUCH_MODEL,
        respond(404, error("Unable to access model", code="model_not_available")),
    ),
    refused(
        "fireworks-model",
        FIREWORKS,
        failures.NO_SUCH_MODEL,
        respond(
            404,
            error(
                "Model not found, inaccessible, and/or not deployed",
                type="invalid_request_error",
                code="NOT_FOUND",
            ),
        ),
    ),
    refused(
        "litellm-model",
        LITELLM,
        failures.NO_SUCH_MODEL,
        respond(400, error("Invalid model name passed in model=gpt-9", code="400")),
    ),
    refused(
        "workers-ai-model",
        WORKERS_AI,
        failures.NO_SUCH_MODEL,
        respond(
            400, {"errors": [{"message": "AiError: No such model @cf/x", "code": 5007}]}
        ),
    ),
    refused(
        "scaleway-model",
        "https://www.scaleway.com/en/docs/generative-apis/api-cli/understanding-errors/",
        failures.NO_SUCH_MODEL,
        respond(422, {"error": "MODEL_NOT_FOUND", "status": 422, "message": "x"}),
    ),
    refused(
        "ollama-no-chat-model",
        "ollama/ollama#2203",
        failures.NOT_ACCEPTED,
        respond(400, error('"nomic-embed-text" does not support chat')),
    ),
    # the address
    refused(
        "openai-without-v1",
        "microsoft/TaskWeaver#11",
        failures.NOT_FOUND,
        respond(
            404,
            error(
                "Invalid URL (POST /chat/completions)",
                type="invalid_request_error",
                param=None,
                code=None,
            ),
        ),
    ),
    refused(
        "groq-wrong-path",
        "nomic-ai/gpt4all#3214",
        failures.NOT_FOUND,
        respond(
            404,
            error(
                "Unknown request URL: POST /chat/completions. Please check the URL",
                type="invalid_request_error",
                code="unknown_url",
            ),
        ),
    ),
    refused(
        "ollama-without-v1",
        "https://github.com/ollama/ollama/blob/main/docs/openai.md",
        failures.NOT_FOUND,
        respond(404, "404 page not found", "text/plain"),
    ),
    refused(
        "vllm-without-v1",
        VLLM,
        failures.NOT_FOUND,
        respond(404, {"detail": "Not Found"}),
    ),
    refused(
        "lm-studio-without-v1",
        "lmstudio-ai/lmstudio-bug-tracker#618",
        failures.NONSENSE,
        respond(
            200, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}
        ),
    ),
    refused(
        "azure-without-v1",
        "Significant-Gravitas/AutoGPT#4023",
        failures.NOT_FOUND,
        respond(404, error("Resource not found", code="404")),
    ),
    refused(
        "workers-ai-wrong-path",
        "anomalyco/opencode#23773",
        failures.NOT_FOUND,
        respond(
            404,
            {
                "result": None,
                "success": False,
                "errors": [{"code": 7003, "message": "Could not route to /client/v4"}],
                "messages": [],
            },
        ),
    ),
    refused(
        "a-web-page-at-the-address",
        HTTP,
        failures.NONSENSE,
        respond(200, "<!doctype html><p>Welcome!</p>", "text/html"),
    ),
    refused(
        "method-not-allowed",
        "jekalmin/extended_openai_conversation#228",
        failures.NOT_FOUND,
        respond(
            405,
            {
                "success": False,
                "errors": [
                    {"code": 7001, "message": "POST not supported for requested URI."}
                ],
            },
        ),
    ),
    refused(
        "http-at-an-https-port",
        "https://nginx.org/en/docs/http/ngx_http_ssl_module.html#errors",
        failures.NOT_FOUND,
        respond(
            400,
            "<h1>400 Bad Request</h1>The plain HTTP request was sent to HTTPS port",
            "text/html",
        ),
    ),
    # what the key may do, and where
    refused(
        "openai-country",
        OPENAI,
        failures.WRONG_REGION,
        respond(
            403,
            error(
                "Country, region, or territory not supported",
                type="request_forbidden",
                code="unsupported_country_region_territory",
            ),
        ),
        log="403 unsupported_country",
    ),
    refused(
        "gemini-country",
        GEMINI,
        failures.WRONG_REGION,
        respond(
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": "User location is not supported for the API use.",
                        "status": "FAILED_PRECONDITION",
                    }
                }
            ],
        ),
    ),
    refused(
        "groq-network",
        GROQ,
        failures.WRONG_REGION,
        respond(403, error("Access denied. Please check your network settings.")),
    ),
    refused(
        "gemini-permission",
        "google-gemini/gemini-cli#25760",
        failures.NOT_ALLOWED,
        respond(
            403,
            [
                {
                    "error": {
                        "code": 403,
                        "message": "The caller does not have permission",
                        "status": "PERMISSION_DENIED",
                    }
                }
            ],
        ),
    ),
    refused(
        "azure-firewall",
        "https://learn.microsoft.com/en-us/azure/ai-services/cognitive-services-virtual-networks",
        failures.NOT_ALLOWED,
        respond(
            403,
            error("Access denied due to Virtual Network/Firewall rules.", code="403"),
        ),
    ),
    refused(
        "cloudflare-challenge",
        "https://developers.cloudflare.com/cloudflare-challenges/",
        failures.NOT_ALLOWED,
        respond(403, "<title>Just a moment...</title>", "text/html"),
        wrong_advice="what stands before the provider does not take us for a person",
    ),
    # the prompt itself
    refused(
        "openai-policy",
        OPENAI,
        failures.REFUSED_PROMPT,
        respond(
            400,
            error(
                "Invalid prompt: your prompt was flagged as potentially violating our"
                " usage policy.",
                type="invalid_request_error",
                code="invalid_prompt",
            ),
        ),
    ),
    refused(
        "azure-policy",
        AZURE_FILTER,
        failures.REFUSED_PROMPT,
        respond(
            400,
            error(
                "The response was filtered due to the prompt",
                type=None,
                param="prompt",
                code="content_filter",
                innererror={"code": "ResponsibleAIPolicyViolation"},
            ),
        ),
    ),
    refused(
        "openrouter-moderation",
        OPENROUTER,
        failures.REFUSED_PROMPT,
        respond(
            403,
            error(
                "x requires moderation. Your input was flagged for harassment.",
                code=403,
                metadata={"reasons": ["harassment"], "flagged_input": "..."},
            ),
        ),
    ),
    refused(
        "xai-guidelines",
        "https://docs.x.ai/docs/guides/errors",
        failures.REFUSED_PROMPT,
        respond(
            403,
            {
                "code": "The caller does not have permission",
                "error": "Content violates usage guidelines.",
            },
        ),
    ),
    refused(
        "qwen-inspection",
        "camel-ai/owl#432",
        failures.REFUSED_PROMPT,
        respond(
            400,
            error(
                "Input data may contain inappropriate content.",
                type="data_inspection_failed",
                code="data_inspection_failed",
            ),
        ),
    ),
    refused(
        "gemini-filter-without-a-word",
        "HKUDS/Vibe-Trading#308",
        failures.FILTERED,
        chunked(chat(delta={}, reason="PROHIBITED_CONTENT"), DONE),
    ),
    refused(
        "openai-unverified",
        OPENAI,
        failures.NOT_ACCEPTED,
        respond(
            400,
            error(
                "Your organization must be verified to stream this model.",
                type="invalid_request_error",
                param="stream",
                code="unsupported_value",
            ),
        ),
    ),
    refused(
        "openai-parameter",
        OPENAI,
        failures.NOT_ACCEPTED,
        respond(
            400,
            error(
                "Unsupported parameter: 'stream_options'",
                type="invalid_request_error",
                code="unsupported_parameter",
            ),
        ),
    ),
    refused(
        "deepseek-422",
        DEEPSEEK,
        failures.REFUSED_REQUEST,
        respond(422, error("Failed to deserialize the JSON body")),
    ),
    refused(
        "mistral-422",
        MISTRAL_CHAT,
        failures.REFUSED_REQUEST,
        respond(
            422,
            {
                "object": "error",
                "message": {"detail": [{"type": "extra_forbidden"}]},
                "type": "invalid_request_error",
            },
        ),
    ),
    # the model's machine
    refused(
        "ollama-memory",
        "continuedev/continue#11715",
        failures.TOO_LITTLE_MEMORY,
        respond(
            500,
            error(
                "model requires more system memory (5.0 GiB) than is available",
                type="api_error",
            ),
        ),
        log="500 system memory",
    ),
    refused(
        "vllm-memory",
        VLLM,
        failures.TOO_LITTLE_MEMORY,
        respond(500, error("CUDA out of memory.", type="InternalServerError")),
    ),
    refused(
        "llama-cpp-loading",
        LLAMA_CPP,
        failures.LOADING,
        respond(503, error("Loading model", type="unavailable_error", code=503)),
    ),
    refused(
        "huggingface-loading",
        "https://huggingface.co/docs/api-inference/detailed_parameters",
        failures.LOADING,
        respond(503, {"error": "Model x is currently loading", "estimated_time": 20.0}),
    ),
    refused(
        "ollama-loading",
        "rsynnot/magic-lists-for-navidrome#34",
        failures.SILENT,
        [STALL],
    ),
    refused(
        "ollama-runner",
        "ollama/ollama#8006",
        failures.MODEL_FAILED,
        respond(500, error("llama runner process has terminated: exit status 2")),
    ),
    refused(
        "openai-500",
        OPENAI,
        failures.MODEL_FAILED,
        respond(500, error("The server had an error", type="server_error")),
        log="500 server_error",
    ),
    refused(
        "gemini-503",
        GEMINI,
        failures.MODEL_FAILED,
        respond(
            503,
            [
                {
                    "error": {
                        "code": 503,
                        "message": "The model is overloaded. Please try again later.",
                        "status": "UNAVAILABLE",
                    }
                }
            ],
        ),
    ),
    refused(
        "openrouter-408",
        OPENROUTER,
        failures.MODEL_FAILED,
        respond(408, error("Request timed out", code=408)),
    ),
    refused(
        "nginx-502",
        NGINX,
        failures.MODEL_FAILED,
        respond(502, "<h1>502 Bad Gateway</h1>", "text/html"),
        log="502",
    ),
    refused(
        "nginx-504",
        NGINX,
        failures.MODEL_FAILED,
        respond(504, "<h1>504 Gateway Time-out</h1>", "text/html"),
    ),
    refused(
        "cloudflare-524",
        CLOUDFLARE,
        failures.MODEL_FAILED,
        respond(524, "error code: 524", "text/plain"),
    ),
    # errors in a 200, before the first text
    refused(
        "error-in-the-stream-that-stays",
        OPENAI_STREAM,
        failures.MODEL_FAILED,
        chunked(sse(error("Something went wrong")), DONE),
    ),
    refused(
        "credit-in-the-stream",
        "vercel/ai#6534",
        failures.NO_CREDIT,
        chunked(sse(error("Quota", code="insufficient_quota")), DONE),
    ),
    refused(
        "key-in-the-stream",
        LITELLM,
        failures.WRONG_KEY,
        chunked(sse(error("AuthenticationError", code="401")), DONE),
    ),
    refused(
        "moderation-in-the-stream",
        OPENROUTER,
        failures.REFUSED_PROMPT,
        chunked(chat("", reason="error", **error("Input was flagged", code=403))),
    ),
    # nothing, or nonsense
    refused("no-answer-at-all", HTTP_1, failures.NO_CONNECTION, []),
    refused("drops-after-the-headers", HTTP_1, failures.NO_CONNECTION, [CHUNKED]),
    refused(
        "resets-after-the-role",
        HTTP_1,
        failures.NO_CONNECTION,
        [*chunked(ROLE, last=b""), RESET],
    ),
    refused(
        "silent-after-the-headers", DEEPSEEK_WAIT, failures.SILENT, [CHUNKED, STALL]
    ),
    refused("not-http", HTTP_1, failures.NO_CONNECTION, [b"SSH-2.0-OpenSSH_9.9\r\n"]),
    refused("not-json", SSE, failures.NONSENSE, chunked(b"data: {nonsense\n\n", DONE)),
    refused("not-an-object", SSE, failures.NONSENSE, chunked(sse(["one"]), DONE)),
    refused("only-done", SSE, failures.NONSENSE, chunked(DONE)),
    refused(
        "ends-without-a-word",
        "lmstudio-ai/lmstudio-bug-tracker#2339",
        failures.NO_TEXT,
        chunked(ROLE, chat(reason="stop"), DONE),
    ),
    refused(
        "thinks-until-the-limit",
        DEEPSEEK_CHAT,
        failures.TOO_LONG,
        chunked(
            chat(delta={"content": None, "reasoning_content": "Hm"}),
            chat(reason="length"),
            DONE,
        ),
    ),
    refused(
        "wants-a-tool",
        OPENAI_STREAM,
        failures.TOOL_CALL,
        chunked(
            chat(
                delta={
                    "content": None,
                    "tool_calls": [
                        {
                            "index": 0,
                            "id": "t1",
                            "type": "function",
                            "function": {"name": "look", "arguments": "{}"},
                        }
                    ],
                }
            ),
            chat(reason="tool_calls"),
            DONE,
        ),
    ),
    refused(
        "refuses-in-a-field-of-its-own",  # which LangChain's own client drops
        OPENAI_STREAM,
        failures.DECLINED if FAST.is_file() else failures.NO_TEXT,
        chunked(chat(delta={"refusal": "I cannot"}), chat(reason="stop"), DONE),
    ),
]

# OpenAI's newer wire


def completes(status="completed", kind=None, **fields):
    """Return a whole stream of the newer wire that ends with this status."""
    end = reply(kind or f"response.{status}", response=response(status, **fields))
    return chunked(*REPLY, end)


FAILED = "response.failed"
RESPONSES = [
    whole("responses", OPENAI_EVENTS, completes(), wire="responses"),
    whole(
        "responses-thinks-first",
        OPENAI_EVENTS,
        chunked(
            CREATED,
            reply("response.in_progress", response=response("in_progress")),
            reply(
                "response.output_item.added",
                output_index=0,
                item={"type": "reasoning", "id": "rs1", "summary": []},
            ),
            *REPLY[1:],
            reply("response.completed", response=response("completed")),
        ),
        wire="responses",
    ),
    whole(
        "responses-kinds-of-tomorrow",
        OPENAI_EVENTS,
        chunked(
            CREATED,
            reply("response.something_new", what=1),
            *REPLY[1:],
            reply("response.completed", response=response("completed")),
        ),
        wire="responses",
    ),
    whole(
        "responses-done",
        "vllm-project/vllm#38190",
        [*completes()[:-1], http_chunk(DONE), LAST],
        wire="responses",
    ),
    whole(
        "responses-reset-after-its-end",
        HTTP_1,
        [*completes()[:-1], RESET],
        wire="responses",
    ),
    whole(
        "responses-failed-once",
        "openai/codex#43337",
        chunked(
            CREATED,
            sse(
                {"type": "error"} | error("Overloaded", code="server_is_overloaded"),
                "error",
            ),
        ),
        then=completes(),
        asked=2,
        wire="responses",
    ),
    whole(
        "responses-server-error-once",
        OPENAI_EVENTS,
        chunked(
            CREATED,
            reply(
                FAILED,
                response=response(
                    "failed",
                    output=[],
                    error={"code": "server_error", "message": "The model failed."},
                ),
            ),
        ),
        then=completes(),
        asked=2,
        wire="responses",
    ),
    cut(
        "responses-length",
        OPENAI_EVENTS,
        failures.TOO_LONG,
        completes("incomplete", incomplete_details={"reason": "max_output_tokens"}),
        wire="responses",
    ),
    cut(
        "responses-filter",
        OPENAI_EVENTS,
        failures.FILTERED,
        completes("incomplete", incomplete_details={"reason": "content_filter"}),
        wire="responses",
    ),
    cut(
        "responses-cancelled",
        OPENAI_EVENTS,
        failures.STOPPED_EARLY,
        completes("cancelled", kind="response.completed"),
        wire="responses",
    ),
    cut(
        "responses-without-an-end",
        "langchain-ai/langchain#39039",
        failures.STOPPED_EARLY,
        chunked(*REPLY),
        wire="responses",
    ),
    cut(
        "responses-fails",
        "langchain-ai/langchain#39039",
        failures.MODEL_FAILED,
        chunked(
            *REPLY,
            reply(
                FAILED,
                response=response(
                    "failed",
                    error={"code": "server_error", "message": "The model failed."},
                ),
            ),
        ),
        wire="responses",
        log="server_error",
    ),
    cut(
        "responses-error",
        "langchain-ai/langchain#39178",
        failures.MODEL_FAILED,
        chunked(
            *REPLY,
            reply(
                "error", code="server_error", message="The model failed.", param=None
            ),
        ),
        wire="responses",
    ),
    cut(
        "responses-drops",
        HTTP_1,
        failures.NO_CONNECTION,
        chunked(*REPLY, last=b""),
        wire="responses",
    ),
    cut(
        "responses-silent",
        OPENAI_EVENTS,
        failures.SILENT,
        [*chunked(*REPLY, last=b""), STALL],
        wire="responses",
    ),
    refused(
        "responses-rate",
        "earendil-works/pi#1458",
        failures.RATE_LIMIT,
        chunked(
            CREATED,
            reply(
                FAILED,
                response=response(
                    "failed",
                    output=[],
                    error={
                        "code": "rate_limit_exceeded",
                        "message": "Requests have exceeded token rate limit",
                    },
                ),
            ),
        ),
        wire="responses",
    ),
    refused(
        "responses-too-large-for-a-minute",
        "vercel/ai#6534",
        failures.PROMPT_TOO_LONG,
        chunked(
            CREATED,
            sse(
                {"type": "error", "sequence_number": 2}
                | error(
                    "Request too large for gpt-4.1 on tokens per min (TPM)",
                    type="tokens",
                    code="rate_limit_exceeded",
                    param=None,
                ),
                "error",
            ),
        ),
        wire="responses",
    ),
    refused(
        "responses-long",
        "BerriAI/litellm#29223",
        failures.PROMPT_TOO_LONG,
        chunked(
            CREATED,
            reply(
                FAILED,
                response=response(
                    "failed",
                    output=[],
                    error={
                        "code": "context_length_exceeded",
                        "message": "Your input exceeds the context window",
                    },
                ),
            ),
        ),
        wire="responses",
    ),
    refused(
        "responses-policy",
        OPENAI_EVENTS,
        failures.REFUSED_PROMPT,
        chunked(
            CREATED,
            reply(
                FAILED,
                response=response(
                    "failed",
                    output=[],
                    error={"code": "invalid_prompt", "message": "flagged"},
                ),
            ),
        ),
        wire="responses",
    ),
    refused(
        "responses-quota",
        "vercel/ai#6534",
        failures.NO_CREDIT,
        chunked(
            CREATED, reply("error", code="insufficient_quota", message="Q", param=None)
        ),
        wire="responses",
    ),
    refused(
        "responses-key",
        OPENAI,
        failures.WRONG_KEY,
        respond(401, error(f"Incorrect API key: {LEAK}", code="invalid_api_key")),
        wire="responses",
    ),
    refused(
        "responses-not-there",
        "https://docs.ollama.com/openai",
        failures.NOT_FOUND,
        respond(404, "404 page not found", "text/plain"),
        wire="responses",
    ),
    refused(
        "responses-declines",
        OPENAI_EVENTS,
        failures.NO_TEXT,
        chunked(
            CREATED,
            reply(
                "response.refusal.done",
                item_id="i1",
                output_index=0,
                content_index=0,
                refusal="I cannot",
            ),
            reply(
                "response.completed",
                response=response(
                    "completed",
                    output=[
                        {
                            "type": "message",
                            "id": "i1",
                            "role": "assistant",
                            "status": "completed",
                            "content": [{"type": "refusal", "refusal": "I cannot"}],
                        }
                    ],
                ),
            ),
        ),
        wire="responses",
    ),
    refused(
        "responses-failed-without-a-word",
        OPENAI_EVENTS,
        failures.NONSENSE,
        chunked(CREATED, reply(FAILED, response=response("failed", output=[]))),
        wire="responses",
        wrong_advice="its client keeps only that the answer failed",
    ),
]

# Anthropic's wire


def says(reason):
    """Return a whole stream on Anthropic's wire that stops for this reason."""
    return chunked(*SAID, *stops(reason))


def claude(kind, message="No.", **fields):
    """Return the object in which Anthropic describes an error."""
    return {"type": "error", "error": {"type": kind, "message": message} | fields}


OVERLOADED = sse(claude("overloaded_error", "Overloaded"), "error")
MESSAGES = [
    whole("claude", ANTHROPIC_STREAM, says("end_turn"), wire="messages"),
    whole(
        "claude-stop-sequence", ANTHROPIC_STOPS, says("stop_sequence"), wire="messages"
    ),
    whole(
        "claude-pings",
        ANTHROPIC_STREAM,
        chunked(START, said("ping"), *SAID[1:], said("ping"), *stops("end_turn")),
        wire="messages",
    ),
    whole(
        "claude-kinds-of-tomorrow",
        ANTHROPIC_STREAM,
        chunked(START, said("something_new"), *SAID[1:], *stops("end_turn")),
        wire="messages",
    ),
    whole(
        "claude-thinks-first",
        "https://docs.claude.com/en/docs/build-with-claude/extended-thinking",
        chunked(
            START,
            said(
                "content_block_start",
                index=0,
                content_block={"type": "thinking", "thinking": "", "signature": ""},
            ),
            said(
                "content_block_delta",
                index=0,
                delta={"type": "thinking_delta", "thinking": "Hm"},
            ),
            said("content_block_stop", index=0),
            BLOCK.replace(b'"index": 0', b'"index": 1'),
            *(said_text(text) for text in ["Hello", " world"]),
            *stops("end_turn"),
        ),
        wire="messages",
    ),
    whole(
        "claude-reset-after-its-end",
        HTTP_1,
        [*says("end_turn")[:-1], RESET],
        wire="messages",
    ),
    whole(
        "claude-overloaded-once",
        ANTHROPIC,
        [respond(529, claude("overloaded_error", "Overloaded"))],
        then=says("end_turn"),
        asked=2,
        wire="messages",
    ),
    whole(
        "claude-overloaded-in-the-stream-once",
        "karthink/gptel#1512",
        chunked(OVERLOADED),
        then=says("end_turn"),
        asked=2,
        wire="messages",
    ),
    whole(
        "claude-overloaded-after-its-start-once",
        "karthink/gptel#1512",
        chunked(START, BLOCK, OVERLOADED),
        then=says("end_turn"),
        asked=2,
        wire="messages",
    ),
    whole(
        "claude-drops-after-the-headers-once",
        HTTP_1,
        [CHUNKED],
        then=says("end_turn"),
        asked=2,
        wire="messages",
    ),
    cut(
        "claude-max-tokens",
        ANTHROPIC_STOPS,
        failures.TOO_LONG,
        says("max_tokens"),
        wire="messages",
    ),
    cut(
        "claude-window",
        ANTHROPIC_STOPS,
        failures.TOO_LONG,
        says("model_context_window_exceeded"),
        wire="messages",
    ),
    cut(
        "claude-declines",
        ANTHROPIC_STOPS,
        failures.DECLINED,
        says("refusal"),
        wire="messages",
    ),
    cut(
        "claude-tool",
        ANTHROPIC_STOPS,
        failures.TOOL_CALL,
        says("tool_use"),
        wire="messages",
    ),
    cut(
        "claude-pauses",
        ANTHROPIC_STOPS,
        failures.PAUSED,
        says("pause_turn"),
        wire="messages",
    ),
    cut(
        "claude-without-an-end",
        ANTHROPIC_STREAM,
        failures.STOPPED_EARLY,
        chunked(*SAID),
        wire="messages",
    ),
    cut(
        "claude-overloaded",
        "karthink/gptel#1512",
        failures.MODEL_FAILED,
        chunked(*SAID, OVERLOADED),
        wire="messages",
    ),
    cut(
        "claude-api-error",
        ANTHROPIC,
        failures.MODEL_FAILED,
        chunked(*SAID, sse(claude("api_error", "Internal server error"), "error")),
        wire="messages",
    ),
    cut(
        "claude-error-that-is-no-json",
        ANTHROPIC_STREAM,
        failures.MODEL_FAILED,
        chunked(*SAID, sse("upstream connect error", "error")),
        wire="messages",
    ),
    cut(
        "claude-drops",
        HTTP_1,
        failures.NO_CONNECTION,
        chunked(*SAID, last=b""),
        wire="messages",
    ),
    cut(
        "claude-resets",
        HTTP_1,
        failures.NO_CONNECTION,
        [*chunked(*SAID, last=b""), RESET],
        wire="messages",
    ),
    cut(
        "claude-silent",
        ANTHROPIC,
        failures.SILENT,
        [*chunked(*SAID, last=b""), STALL],
        wire="messages",
    ),
    refused(
        "claude-silent-before-the-headers",
        ANTHROPIC,
        failures.SILENT,
        [STALL],
        wire="messages",
    ),
    refused(
        "claude-silent-after-the-headers",
        ANTHROPIC,
        failures.SILENT,
        [*chunked(START, last=b""), STALL],
        wire="messages",
    ),
    refused(
        "claude-drops-before-its-text",
        HTTP_1,
        failures.NO_CONNECTION,
        chunked(START, BLOCK, last=b""),
        wire="messages",
    ),
    refused(
        "claude-key",
        ANTHROPIC,
        failures.WRONG_KEY,
        respond(401, claude("authentication_error", f"invalid x-api-key {LEAK}")),
        wire="messages",
        log="401 authentication_error",
    ),
    refused(
        "claude-credit",
        "anthropics/claude-code#66314",
        failures.NO_CREDIT,
        respond(
            400,
            claude(
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
            ),
        ),
        wire="messages",
        log="400 credit balance",
    ),
    refused(
        "claude-billing",
        ANTHROPIC,
        failures.NO_CREDIT,
        respond(402, claude("billing_error")),
        wire="messages",
        log="402 billing_error",
    ),
    refused(
        "claude-spend-limit",
        "https://docs.claude.com/en/api/rate-limits",
        failures.NO_CREDIT,
        respond(
            400,
            claude(
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain"
                " access on 2026-12-01 at 00:00 UTC.",
            ),
        ),
        wire="messages",
    ),
    refused(
        "claude-spend-limit-as-429",
        "https://www.developersdigest.tech/errors/api/anthropic-api",
        failures.NO_CREDIT,
        respond(429, claude("rate_limit_error", code="enforced_spend_limit_reached")),
        wire="messages",
    ),
    refused(
        "claude-rate",
        ANTHROPIC,
        failures.RATE_LIMIT,
        respond(429, claude("rate_limit_error"), Retry_After="17"),
        seconds=17,
        wire="messages",
        log="429 rate_limit",
    ),
    refused(
        "claude-rate-in-the-stream",
        ANTHROPIC_STREAM,
        failures.RATE_LIMIT,
        chunked(sse(claude("rate_limit_error"), "error")),
        wire="messages",
    ),
    refused(
        "claude-long",
        "coder/aibridge#56",
        failures.PROMPT_TOO_LONG,
        respond(
            400,
            claude(
                "invalid_request_error",
                "prompt is too long: 205351 tokens > 200000 maximum",
            ),
        ),
        wire="messages",
    ),
    refused(
        "claude-413",
        ANTHROPIC,
        failures.PROMPT_TOO_LONG,
        respond(413, claude("request_too_large", "Request exceeds the maximum size")),
        wire="messages",
    ),
    refused(
        "claude-model",
        ANTHROPIC,
        failures.NOT_FOUND,
        respond(404, claude("not_found_error", "model: claude-9")),
        wire="messages",
    ),
    refused(
        "claude-permission",
        ANTHROPIC,
        failures.NOT_ALLOWED,
        respond(403, claude("permission_error")),
        wire="messages",
        log="403 permission_error",
    ),
    refused(
        "claude-country",
        "https://www.anthropic.com/supported-countries",
        failures.WRONG_REGION,
        respond(
            403, {"error": {"type": "forbidden", "message": "Request not allowed"}}
        ),
        wire="messages",
    ),
    refused(
        "claude-400",
        ANTHROPIC,
        failures.NOT_ACCEPTED,
        respond(400, claude("invalid_request_error", "max_tokens: too large")),
        wire="messages",
    ),
    refused(
        "claude-500",
        ANTHROPIC,
        failures.MODEL_FAILED,
        respond(500, claude("api_error", "Internal server error")),
        wire="messages",
    ),
    refused(
        "claude-529",
        ANTHROPIC,
        failures.MODEL_FAILED,
        respond(529, claude("overloaded_error", "Overloaded")),
        wire="messages",
        log="529",
    ),
    refused(
        "claude-a-web-page",
        HTTP,
        failures.NONSENSE,
        respond(200, "<p>Welcome!</p>", "text/html"),
        wire="messages",
    ),
    refused(
        "claude-proxy-502",
        NGINX,
        failures.MODEL_FAILED,
        respond(502, "<h1>502 Bad Gateway</h1>", "text/html"),
        wire="messages",
    ),
    refused(
        "claude-without-a-word",
        ANTHROPIC_STOPS,
        failures.NO_TEXT,
        chunked(START, *stops("end_turn")[1:]),
        wire="messages",
    ),
    refused(
        "claude-declines-at-once",
        ANTHROPIC_STOPS,
        failures.DECLINED,
        chunked(START, *stops("refusal")[1:]),
        wire="messages",
    ),
]

ROWS = [*CHAT_WHOLE, *CHAT_CUT, *CHAT_REFUSED, *RESPONSES, *MESSAGES]

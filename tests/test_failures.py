"""failures.py: a sentence names the real culprit, and our own mistakes are ours."""

import inspect
import json
import re
import socket
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from types import SimpleNamespace

import httpx2
import pytest
import requests
import trustme
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk
from support import LIMIT
from support.provider import DONE, Provider, finish, refuse
from support.servers import production

import app as program
import failures
import practice
from failures import MISTAKE, NONSENSE, failure_of, http_error, log_name, sentence_for
from lessons.course.for_checks.failing_model import SECRET
from models import choose_model
from settings import EnvFile

FAILURES = [
    each for each in vars(failures).values() if isinstance(each, failures.Failure)
]


def ask(client, prompt="Hello?"):
    return client.post("/ask", json={"prompt": prompt})


# Our mistakes are ours


class Broken(AIMessageChunk):
    """A chunk on which a program breaks, as one does that misspells a name."""

    @property
    def text(self):
        raise AttributeError("'AIMessageChunk' object has no attribute 'txt'")


OURS = {  # errors, with words that a provider could say
    "unsupported operand": TypeError,
    "name 'promt' is not defined": NameError,
    "rate_limit": KeyError,
    "insufficient_quota": AttributeError,
    "context_length": ValueError,
    "server_error": RuntimeError,
}


@pytest.fixture(params=OURS.items(), ids=lambda row: row[1].__name__)
def error(request):
    """Return an error that has not been raised yet."""
    words, kind = request.param
    return kind(words)


def test_what_no_model_raised_is_a_mistake_of_this_program(error):
    assert failure_of(error) is MISTAKE
    assert http_error(error).code == 500


def test_the_same_from_the_models_stream_is_the_models(client, answer_with, error):
    model = answer_with(error)
    answer = ask(client)
    assert answer.status_code != 500
    assert answer.get_json()["error"] != MISTAKE.sentence
    assert model.prompts


def raises(error):
    def raise_it(*_):
        raise error

    return raise_it


def test_a_mistake_before_the_first_text_is_a_500_and_asked_once(
    client, answer_with, caplog, error, monkeypatch
):
    model = answer_with("Hello")
    monkeypatch.setattr(program, "ignoring_late_errors", raises(error))
    answer = ask(client)
    assert (answer.status_code, answer.get_json()) == (500, {"error": MISTAKE.sentence})
    assert len(model.prompts) <= 1
    assert type(error).__name__ in caplog.text
    assert "in test_failures.py, line" in caplog.text


@pytest.mark.parametrize(
    "kind", [ConnectionError, TimeoutError, requests.ConnectionError, httpx2.ReadError]
)
def test_a_connection_of_our_own_is_not_the_models(
    client, answer_with, monkeypatch, kind
):
    """Models raise errors of such classes too, but this one came from elsewhere."""
    answer_with("Hello")
    monkeypatch.setattr(program, "ignoring_late_errors", raises(kind("refused")))
    assert ask(client).get_json() == {"error": MISTAKE.sentence}


def test_a_mistake_after_the_first_text_is_the_last_line(client, answer_with, caplog):
    model = answer_with("one", Broken("two"))
    answer = ask(client)
    came = b""
    with pytest.raises(failures.BodyBreaks, match="mistake"):
        for piece in answer.response:
            came += piece
    assert came.decode() == f"one\n[error: {MISTAKE.sentence}]\n"
    assert len(model.prompts) == 1
    assert "AttributeError in test_failures.py, line" in caplog.text


MISSPELLED = {  # names that a line of fast/ looks up, and the file that it is in
    "fast.connections.PORTS": "connections.py",  # OpenAI's library raises its own
    "fast.exchange.monotonic": "exchange.py",
    "fast.events.from_json": "events.py",
    "fast.bounds.EVENT": "events.py",  # an AttributeError
    "fast.lean.copies": "lean.py",
}


@pytest.mark.parametrize("name", MISSPELLED)
def test_a_name_misspelled_in_fast_is_our_mistake(
    client, connect, monkeypatch, caplog, name
):
    """It is raised while the model's stream is being read, but no provider sent it."""
    with Provider("one", "two", finish("stop"), DONE) as provider:
        connect(provider.url, MODEL_TIMEOUT="17")  # another client than LangChain kept
        monkeypatch.delattr(name)
        came = read_to_its_end(ask(client))
    assert MISTAKE.sentence in came
    assert len(provider.requests) <= 1
    assert f"Error in {MISSPELLED[name]}, line " in caplog.text


def test_a_name_misspelled_in_the_practice_model_is_our_mistake(
    client, monkeypatch, caplog
):
    monkeypatch.setattr(program, "model", choose_model())
    monkeypatch.delattr(practice, "chunks_to_send")
    assert MISTAKE.sentence in read_to_its_end(ask(client))
    assert "NameError in practice.py, line " in caplog.text


def read_to_its_end(answer):
    """Return what came of an answer, also if it breaks."""
    came = b""
    with suppress(failures.BodyBreaks):
        for piece in answer.response:
            came += piece
    return came.decode()


def test_the_log_names_the_line_of_the_program_and_not_of_a_library():
    try:
        json.loads(5)
    except TypeError as error:
        assert log_name(error).startswith("TypeError in test_failures.py, line ")


def test_a_model_may_be_anything_with_a_method_called_stream(client, monkeypatch):
    class Model:
        def stream(self, prompt):
            raise LookupError(prompt)
            yield

    monkeypatch.setattr(program, "model", Model())
    assert ask(client).get_json()["error"] == NONSENSE.sentence


def test_what_an_error_of_the_model_has_caused_is_the_models():
    """Libraries that ask again raise an error of their own in the end."""

    class Model:
        def stream(self):
            raise exceptions.ModelAPIError

    with pytest.raises(LookupError) as raised:
        try:
            Model().stream()
        except exceptions.ModelAPIError as error:
            raise LookupError from error
    assert failure_of(raised.value) is failures.MODEL_FAILED


def test_a_function_of_the_program_that_is_called_stream_is_no_model():
    def stream():
        return undefined  # noqa: F821

    stream.__qualname__ = stream.__code__.co_qualname
    namespace = {}
    exec("def stream():\n    return undefined", namespace)  # at the top of a file
    with pytest.raises(NameError) as raised:
        namespace["stream"]()
    assert failure_of(raised.value) is MISTAKE


def test_nor_is_a_function_in_a_view():
    """Many Flask programs write their body with one."""

    def ask():
        def stream():
            yield {}["answer"]

        return stream()

    with pytest.raises(KeyError) as raised:
        next(ask())
    assert failure_of(raised.value) is MISTAKE


def test_a_refusal_of_ours_keeps_its_status_and_its_sentence():
    refusal = failures.http.BadRequest("Shorter, please.")
    assert http_error(refusal) is refusal


# What a request lacks


def test_json_that_is_not_utf_8_is_named(client, answer_with):
    """PowerShell 5 sends Latin-1."""
    model = answer_with("Hello")
    body = '{"prompt": "Tragödie"}'.encode("latin-1")
    answer = client.post("/ask", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["error"].startswith("The JSON is not in UTF-8")
    assert model.prompts == []


@pytest.mark.parametrize("body", ["{", "[" * 60_000, '{"prompt": 5}', "\ufeff{}"])
def test_json_that_is_utf_8_is_not_called_otherwise(client, body):
    answer = client.post("/ask", data=body.encode(), content_type="application/json")
    assert "UTF-8" not in answer.get_json()["error"]


MALFORMED = {
    "no size": b"x\r\nhello\r\n0\r\n\r\n",
    "half a size": b"5z\r\nhello\r\n0\r\n\r\n",
    "no line end": b"5\r\nhelloXX0\r\n\r\n",
    "a size below zero": b"-5\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.slow
def test_a_malformed_chunk_is_the_clients_on_each_server(server):
    with (
        production("gunicorn", "app") as gunicorn,
        production("waitress", "app") as waitress,
    ):
        for url in server, gunicorn, waitress:
            for body in MALFORMED.values():
                status, answer = post_raw(url, body)
                assert status == 400, (url, body, answer)


def post_raw(url, body):
    """Send a chunked body as it is; return the status, an int, and the answer."""
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"POST /ask HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=LIMIT) as connection:
        connection.sendall(head.encode() + body)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer, (url, body)
    return int(answer.split()[1]), answer


# Whose failure it is, across a real port


@pytest.fixture
def connect(monkeypatch):
    """Return a function that makes the server at an address the app's model."""

    def connect(url, **settings):
        monkeypatch.setenv("MODEL", "openai:gpt-test")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-abcd1234wxyz")
        monkeypatch.setenv("MODEL_RETRIES", "0")
        for setting, value in settings.items():
            monkeypatch.setenv(setting, value)
        monkeypatch.setattr(program, "model", choose_model())

    return connect


def sentence_of(client):
    answer = ask(client)
    return answer.status_code, answer.get_json()["error"]


class Proxy(BaseHTTPRequestHandler):
    """A proxy that answers each request with its own error, as a page."""

    status = 502

    def answer(self):
        body = b"<h1>The proxy cannot reach it</h1>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_CONNECT = do_POST = answer

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def proxy(status):
    """Run a proxy that fails with this status; yield its address."""
    handler = type("FailingProxy", (Proxy,), {"status": status})
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=[0.01]).start()
        yield "http://{}:{}".format(*server.server_address)
        server.shutdown()


@pytest.mark.parametrize("status", [502, 503, 504, 407, 403, 511])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_error_of_a_proxy_is_the_proxys(client, connect, scheme, status):
    with proxy(status) as address:
        setting = f"{scheme.upper()}_PROXY"
        connect(f"{scheme}://model.example/v1", **{setting: address})
        code, sentence = sentence_of(client)
    assert code == 502
    assert sentence == (
        "The proxy did not connect to model.example: check the network, and"
        f" {setting} in the environment."
    )


def test_a_proxy_that_is_not_there_is_named(client, connect):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened at
        address = "http://{}:{}".format(*nobody.getsockname())
        connect("https://model.example/v1", HTTPS_PROXY=address)
        assert sentence_of(client)[1].startswith("The proxy did not connect to")


def test_an_error_of_the_provider_behind_a_proxy_is_the_providers(client, connect):
    with Provider(refuse(503), refuse(503)) as provider:
        url = provider.url.replace("127.0.0.1", "localhost.example")
        host = provider.url.removeprefix("http://").removesuffix("/v1")
        # The provider is its own proxy. LangChain keeps a client for each time limit.
        connect(url, HTTP_PROXY=f"http://{host}", MODEL_TIMEOUT="19")
        assert sentence_of(client)[1] == failures.MODEL_FAILED.sentence


def test_a_host_that_does_not_exist_is_named(client, connect):
    connect("https://no-such-host.invalid/v1")
    code, sentence = sentence_of(client)
    assert code == 502
    assert sentence.startswith("There is no server named no-such-host.invalid: check")
    assert "OPENAI_BASE_URL in the environment" in sentence


def test_a_certificate_that_nobody_trusts_is_named(client, connect):
    certificate = trustme.CA().issue_cert("localhost")
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def shake_hands():
            for _ in range(4):
                try:
                    connection, _ = listener.accept()
                    context.wrap_socket(connection, server_side=True)
                except OSError:
                    pass

        threading.Thread(target=shake_hands, daemon=True).start()
        connect(f"https://localhost:{port}/v1")
        _, sentence = sentence_of(client)
    assert sentence.startswith(f"The certificate of localhost:{port} is not trusted")
    assert "SSL_CERT_FILE" in sentence


# What a sentence says of settings


def refused(status=401, **more):
    error = exceptions.ModelAuthenticationError(SECRET)
    error.status_code = status
    for name, value in more.items():
        setattr(error, name, value)
    return error


def test_a_sentence_says_where_the_key_is(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-shell")
    assert "check OPENAI_API_KEY in the environment" in sentence_for(refused())
    file = EnvFile(".env", None, {"OPENAI_API_KEY": "sk-of-the-shell"})
    monkeypatch.setattr("settings.ENV_FILES", [file])
    assert "check the key in .env" in sentence_for(refused())
    parents = file._replace(name="the .env of a parent folder")
    monkeypatch.setattr("settings.ENV_FILES", [parents])
    assert "OPENAI_API_KEY in the .env of a parent folder" in sentence_for(refused())


def test_nobody_who_uses_anthropic_hears_of_openais_address(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-abcd")
    for failure in FAILURES:
        assert "OPENAI" not in sentence_for(failures.Unfinished(failure))
    assert "ANTHROPIC_API_KEY in the environment" in sentence_for(refused())


# The words of providers


def error_of(status, body, **headers):
    """Return an error as a provider's client raises it, with an HTTP answer."""
    error = exceptions.ModelAPIError("refused")
    error.status_code = status
    error.body = body
    error.response = SimpleNamespace(status_code=status, headers=headers)
    return error


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, {"type": "too_many_prompt_tokens"}, failures.PROMPT_TOO_LONG),
        (400, {"message": "ContextWindowExceededError: x"}, failures.PROMPT_TOO_LONG),
        (422, {"detail": [{"type": "string_too_short"}]}, failures.NOT_ACCEPTED),
        (422, None, failures.NOT_ACCEPTED),
        (422, {"detail": [{"type": "extra_forbidden"}]}, failures.REFUSED_REQUEST),
        (418, None, failures.REFUSED_REQUEST),
    ],
)
def test_a_refusal_gets_a_sentence_that_fits(status, body, failure):
    assert failure_of(error_of(status, body)) is failure


SAID = [  # the status, what a provider says, and what it means
    (400, "Input is too long for requested model.", "PROMPT_TOO_LONG"),
    (400, "input length and `max_tokens` exceed context limit", "PROMPT_TOO_LONG"),
    (400, "Range of input length should be [1, 30720]", "PROMPT_TOO_LONG"),
    (400, "The input token count (12) exceeds the maximum", "PROMPT_TOO_LONG"),
    (400, "This model's maximum prompt length is 131072", "PROMPT_TOO_LONG"),
    (400, "longer than the maximum model length of 4096", "PROMPT_TOO_LONG"),
    (400, "Your request exceeded model token limit: 8192", "PROMPT_TOO_LONG"),
    (400, "total number of tokens in the prompt cannot exceed 4081", "PROMPT_TOO_LONG"),
    (400, "Cannot truncate prompt with n_keep >= n_ctx (4096)", "PROMPT_TOO_LONG"),
    (403, "Sorry, your account balance is insufficient", "NO_CREDIT"),
    (403, "not enough balance", "NO_CREDIT"),
    (429, "余额不足或无可用资源包,请充值。", "NO_CREDIT"),
    (403, "your account has an overdue balance", "NO_CREDIT"),
    (400, "You have reached your organization's spend limit.", "NO_CREDIT"),
    (400, "Billing hard limit has been reached", "NO_CREDIT"),
    (403, "Key limit exceeded (total limit).", "NO_CREDIT"),
    (429, "you have reached your weekly usage limit", "NO_CREDIT"),
    (401, "Inactive subscription or usage limit reached", "NO_CREDIT"),
    (403, "AllocationQuota.FreeTierOnly", "NO_CREDIT"),
    (429, "Quota: GenerateRequestsPerDayPerProject. Please retry in 9s", "NO_CREDIT"),
    (429, "Quota exceeded, limit: 0, model: m. Please retry in 30s.", "NO_CREDIT"),
    (429, "Quota exceeded, limit: 10, model: m. Please retry in 30s.", "RATE_LIMIT"),
    (429, "Tokens per day limit exceeded", "NO_CREDIT"),
    (429, "Requests per minute limit exceeded", "RATE_LIMIT"),
    (429, "which is limited to 1000 API calls / month", "NO_CREDIT"),
    (429, "which is limited to 20 API calls / minute", "RATE_LIMIT"),
    (400, "model_not_supported", "NO_SUCH_MODEL"),
    (400, "Unknown model: m", "NO_SUCH_MODEL"),
    (400, "unknown_model", "NO_SUCH_MODEL"),
    (400, "Model does not exist. Please check it carefully.", "NO_SUCH_MODEL"),
    (400, "The provided model identifier is invalid.", "NO_SUCH_MODEL"),
    (401, "key_model_access_denied", "NO_SUCH_MODEL"),
    (410, "The model has reached its end of life", "NOT_FOUND"),
    (400, "Please configure AI Gateway in the Cloudflare dashboard", "NOT_FOUND"),
    (400, "Invalid provider", "NOT_FOUND"),
    (400, "Output blocked by content filtering policy", "REFUSED_PROMPT"),
    (400, "content_policy_violation", "REFUSED_PROMPT"),
    (400, "litellm.ContentPolicyViolationError", "REFUSED_PROMPT"),
    (400, "Content Exists Risk", "REFUSED_PROMPT"),
    (400, "potentially unsafe or sensitive content", "REFUSED_PROMPT"),
    (400, "This content was flagged for a risk.", "REFUSED_PROMPT"),
    (424, "Prompt blocked due to security configurations", "REFUSED_PROMPT"),
    (400, "stopped due to insufficient system resources", "TOO_LITTLE_MEMORY"),
    (400, "API key expired. Please renew the API key.", "WRONG_KEY"),
    (403, "Your API key was reported as leaked.", "WRONG_KEY"),
    (403, "Please make sure your API Key is valid.", "WRONG_KEY"),
    (403, "Invalid access token.", "WRONG_KEY"),
    (403, "Authorization failed", "WRONG_KEY"),
    (401, "You have insufficient permissions for this operation.", "NOT_ALLOWED"),
    (401, "PermissionDenied", "NOT_ALLOWED"),
    (401, "The `models` permission is required", "NOT_ALLOWED"),
    (404, "No endpoints found matching your data policy", "NOT_ALLOWED"),
    (400, "model_terms_required", "NOT_ALLOWED"),
    (400, "organization_restricted", "NOT_ALLOWED"),
    (400, "This organization has been disabled.", "NOT_ALLOWED"),
    (498, "Flex tier capacity exceeded: capacity_exceeded", "RATE_LIMIT"),
    (400, "not allowed from unsupported countries", "WRONG_REGION"),
    (403, "This model is not available in your region.", "WRONG_REGION"),
    (400, "The free tier is not available in your country.", "WRONG_REGION"),
    (403, "error code: 1009", "WRONG_REGION"),
    (403, "error code: 1010", "NOT_ALLOWED"),
    (451, "", "WRONG_REGION"),
    (400, "InputTextSensitiveContentDetected", "REFUSED_PROMPT"),
    (500, "error loading model: unable to allocate CUDA0 buffer", "TOO_LITTLE_MEMORY"),
    (500, "error loading model: missing tensor", "MODEL_FAILED"),
    (503, "Loading model", "LOADING"),
    (400, "The model has crashed without more information.", "MODEL_FAILED"),
]


@pytest.mark.parametrize(("status", "message", "name"), SAID)
def test_what_a_provider_says_comes_before_its_status(status, message, name):
    error = error_of(status, {"message": message})
    assert failure_of(error) is getattr(failures, name)


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please retry in 22.8s.", 23),
        ("Please retry in 835.28ms.", 1),
        ("Please retry in 1h2m3.5s.", 3724),
        ("Please try again in 7m12s. Visit the site.", 432),
        ("Please try again in 20s", 20),
        ("Please retry after 26 seconds.", 26),
        ("Try again in 60 seconds.", 60),
        ("Please retry in a while.", 5),
        ("Please retry in 0s.", 5),
        ("Please retry in " + "9" * 5000 + "s.", 5),
    ],
)
def test_the_wait_may_be_in_a_sentence(message, seconds):
    refusal = http_error(error_of(429, {"message": message}))
    assert refusal.retry_after == seconds


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "0", "retry-after": "1"}, 1),
        ({"retry-after-ms": "1200", "retry-after": "60"}, 2),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7),
        ({"retry-after-ms": "-5", "retry-after": "0"}, 5),
        ({"retry-after-ms": "0"}, 5),
        ({}, 5),
    ],
)
def test_the_first_wait_that_makes_sense_is_taken(headers, seconds):
    refusal = http_error(error_of(429, None, **headers))
    assert (refusal.code, refusal.retry_after) == (429, seconds)


def test_a_model_that_pauses_gets_a_sentence_of_its_own():
    with pytest.raises(failures.Unfinished) as unfinished:
        failures.require_whole({"stop_reason": "pause_turn"}, has_text=True)
    assert unfinished.value.failure is failures.PAUSED


def test_the_first_text_comes_from_a_provider_without_a_proxy(client, connect):
    with Provider("Hello", finish("stop"), DONE) as provider:
        connect(provider.url, HTTP_PROXY="http://127.0.0.1:9")
        assert ask(client).text == "Hello"


def test_each_phrase_that_is_replaced_stands_in_a_sentence():
    """A sentence that is written otherwise would no longer say where a setting is."""
    source = inspect.getsource(failures.say_where_settings_are)
    phrases = re.findall(r'"([^"]+ in \.env)": \[', source)
    phrases += re.findall(r'replace\("([^"]+)"', source)
    sentences = [each.sentence for each in FAILURES]
    assert len(phrases) == 8
    for phrase in phrases:
        assert any(phrase in sentence for sentence in sentences), phrase


def test_each_setting_that_a_sentence_names_can_be_replaced():
    for failure in FAILURES:
        for place in re.findall(r"(\S+ \S+) in \.env", failure.sentence):
            named = (
                "the key",
                "MODEL",
                "the address",
                "MODEL_TIMEOUT",
                "SSL_CERT_FILE",
            )
            assert place.endswith((*named, "provider")), failure.sentence

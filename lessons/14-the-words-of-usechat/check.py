"""POST /chat says the same answer in the words of the AI SDK's useChat."""

import json
from threading import Event

import pytest
from langchain_core.exceptions import ModelRateLimitError
from langchain_core.messages import AIMessageChunk

from lessons.course.for_checks.failing_model import SECRET
from lessons.course.for_checks.plain_text import (
    ANSWER,
    TEXTS,
    test_a_prompt_that_is_no_string_is_refused,
)
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End

__all__ = ["test_a_prompt_that_is_no_string_is_refused"]
COUNTED = {"input_tokens": 3, "output_tokens": 5, "total_tokens": 8}
FIELDS = {  # that useChat takes beside the type
    "start": {"messageId", "messageMetadata"},
    "text-start": {"id", "providerMetadata"},
    "text-delta": {"id", "delta", "providerMetadata"},
    "text-end": {"id", "providerMetadata"},
    "finish": {"finishReason", "messageMetadata"},
    "message-metadata": {"messageMetadata"},
}
OUR_MISTAKE = (
    "something in your program raised an exception, which answers.py takes for the"
    " model's failure. What the program printed names the line. Each verb returns the"
    " stream, as send does."
)
ASKED = {
    "id": "chat",
    "messages": [
        {"id": "1", "role": "user", "parts": [{"type": "text", "text": "Hello?"}]}
    ],
    "trigger": "submit-message",
}


@pytest.fixture(autouse=True)
def patient(program, monkeypatch):
    """Let heartbeats come late."""
    if hasattr(program, "HEARTBEAT"):
        monkeypatch.setattr(program, "HEARTBEAT", 5)


@pytest.fixture
def chat(client, answer_with):
    """POST to /chat what useChat posts, for a scripted answer; return both."""

    def post(*script, asked=ASKED):
        model = answer_with(*script)
        try:
            return model, client.post("/chat", json=asked)
        except AttributeError as error:
            if "'changed'" in str(error):
                error.add_note(
                    "The stream is not prepared: its __init__ calls super().__init__"
                    "(heartbeat), and the view makes it with ChatStream(HEARTBEAT)."
                )
            raise

    return post


def read(answer):
    """Return the messages of an answer; the last, [DONE], is no JSON."""
    text = answer.get_data(as_text=True).replace("\r\n", "\n")
    assert text.count("\n\n") > 1, (
        f"The answer begins {short(text[:60])}: useChat reads lines data: and an empty"
        ' line after each. End each with "\\n\\n".'
    )
    last_line = text.strip().rpartition("\n")[2]
    assert text.endswith("\n\n"), (
        f"The answer ends in {short(last_line)} without an empty line after it: for a"
        ' reader the last event has no end. Write "\\n\\n" after [DONE] too.'
    )
    found = []
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        if name != "data":
            continue
        if value.strip() == "[DONE]":
            found.append({"type": "[DONE]"})
            continue
        try:
            message = json.loads(value)
        except ValueError:
            raise AssertionError(
                f"After data: stands {short(value)}, which is no JSON: json.dumps."
            ) from None
        assert isinstance(message, dict) and message.get("type") != "[DONE]", (
            f"After data: stands {short(value)}: after json.dumps that is no dict with"
            " a type that useChat knows. Send a dict, and [DONE] without JSON:"
            ' self.write(b"data: [DONE]\\n\\n").'
        )
        assert "type" in message, (
            f"The JSON of a message has the names {', '.join(message)}: its type has to"
            " stand in it, since useChat does not look at event:. Send"
            ' {"type": event} | message.'
        )
        found.append(message)
    return found


def kinds(messages):
    """Return the types of the messages that carry the answer, without metadata."""
    found = [message["type"] for message in messages]
    return [each for each in found if each != "message-metadata"]


def metadata_of(messages):
    """Return all metadata, as useChat lays them over each other."""
    metadata = {}
    for message in messages:
        new = message.get("messageMetadata") or {}
        assert isinstance(new, dict), (
            f"A message has messageMetadata: {short(new)}, expected was a dict, as the"
            " verb gets it."
        )
        metadata |= new
    return metadata


def test_post_chat_answers(chat):
    """POST /chat answers."""
    _, answer = chat("one")
    assert answer.status_code < 500, (
        f"POST /chat gave {answer.status_code}, expected was 200: {OUR_MISTAKE}"
    )
    assert answer.status_code == 200, (
        f"POST /chat gave {answer.status_code}, expected was 200: write a view"
        ' @app.post("/chat") that returns respond(ChatStream(HEARTBEAT)).'
    )
    version = answer.headers.get("x-vercel-ai-ui-message-stream")
    assert (answer.mimetype, version) == ("text/event-stream", "v1"), (
        f"POST /chat answers with {answer.mimetype} and the header"
        f" x-vercel-ai-ui-message-stream: {version}, expected was text/event-stream and"
        ' v1: headers = HEADERS | {"x-vercel-ai-ui-message-stream": "v1"}.'
    )


def test_each_message_has_its_type_in_its_json(chat):
    _, answer = chat("one", " two")
    messages = read(answer)
    expected = ["start", "text-start", "text-delta", "text-delta", "text-end", "finish"]
    found = [kind for kind in kinds(messages) if kind != "[DONE]"]
    assert "error" not in found, (
        f"The messages are {', '.join(found)}, and the model had not failed:"
        f" {OUR_MISTAKE}"
    )
    assert found == expected, (
        f"The messages are {', '.join(found)}; expected was {', '.join(expected)}, with"
        " message-metadata among them: useChat knows these words only."
    )
    for message in messages[:-1]:
        more = message.keys() - FIELDS[message["type"]] - {"type"}
        assert not more, (
            f"The message {short(json.dumps(message))} has {', '.join(sorted(more))} as"
            " well, and some versions of useChat refuse a message with a field that"
            " they do not know: leave the dict TEXT as it is, and make a new one,"
            " TEXT | {...}."
        )
    assert messages[-1]["type"] == "[DONE]", (
        "The last message is"
        f" {short(json.dumps(messages[-1]))}, expected was [DONE], without JSON:"
        ' self.write(b"data: [DONE]\\n\\n") in end, before it closes the stream.'
    )


def test_the_text_is_what_the_model_wrote(chat):
    model, answer = chat(*TEXTS)
    messages = read(answer)
    deltas = [message for message in messages if message["type"] == "text-delta"]
    text = "".join(str(message.get("delta", "")) for message in deltas)
    assert text == ANSWER, (
        f"The model wrote {ANSWER!r}, and the deltas make {short(text)}: send each"
        ' token as {"delta": token}.'
    )
    ids = {message.get("id") for message in messages if "text-" in message["type"]}
    assert len(ids) == 1 and isinstance(*ids, str), (
        f"text-start, text-delta and text-end have the ids {short(ids)}, expected was"
        " one and the same, a str: useChat puts each delta to the text with its id."
    )
    assert "Hello?" in str(model.prompts), (
        f'useChat asked "Hello?" in parts, and the model was asked {model.prompts}:'
        " respond reads the question with read_question(request)."
    )


def test_a_message_has_an_id_of_its_own_and_a_time(chat):
    first, second = read(chat("one")[1]), read(chat("one")[1])
    ids = [messages[0].get("messageId") for messages in (first, second)]
    assert all(isinstance(each, str) for each in ids) and len(set(ids)) == 2, (
        f"Two answers have the ids {ids}: send a messageId with start, another for"
        " each answer, str(uuid4())."
    )
    created = metadata_of(first).get("createdAt")
    assert isinstance(created, int) and created > 1_600_000_000_000, (
        f"The answer's metadata have createdAt: {created!r}, expected was the time in"
        " milliseconds, a whole number: int(1000 * time())."
    )


def test_metadata_say_which_model_and_how_many_tokens(chat):
    _, answer = chat("one", AIMessageChunk("", usage_metadata=COUNTED))
    metadata = metadata_of(read(answer))
    assert metadata.get("model") == "scripted", (
        f"The model is called scripted, and the metadata are {metadata}: send"
        ' message-metadata with {"messageMetadata": metadata}.'
    )
    assert metadata.get("usage", {}).get("totalTokens") == 8, (
        f"The model counted 8 tokens, and the metadata are {metadata}: send the usage"
        ' as metadata, {"usage": usage}.'
    )


@pytest.mark.parametrize(
    ("reason", "word"), [("length", "length"), ("content_filter", "content-filter")]
)
def test_finish_says_why(chat, reason, word):
    finish = read(chat("one", End(finish_reason=reason))[1])[-2]
    assert finish.get("finishReason") == word, (
        f"The model ended with {reason}, and the last message before [DONE] is"
        f' {finish}: expected was finish with {{"finishReason": "{word}"}}.'
    )


def test_a_failure_is_an_error_message(chat):
    messages = read(chat("one", ModelRateLimitError(SECRET))[1])
    errors = [message for message in messages if message["type"] == "error"]
    assert errors and "too much to do" in str(errors[0].get("errorText")), (
        f"The model failed after 'one', and the error is {errors}: expected was"
        ' {"type": "error", "errorText": sentence}, sent by send_error(error, code,'
        " retry_after)."
    )
    extra = set(errors[0]) - {"type", "errorText"}
    assert not extra, (
        f"The error message has {extra} as well: some versions of useChat refuse an"
        " error with more than an errorText, and others pass over it. Send the code as"
        " metadata, before it."
    )
    before = messages[: messages.index(errors[0])]
    said = metadata_of(messages).get("error") or {}
    assert said.get("code") == 429, (
        f"The metadata have the error code {said.get('code')!r}, expected was 429, in"
        ' {"error": {"code": code, "retryAfter": retry_after}}.'
    )
    assert said.get("retryAfter") == 5, (
        f"The metadata of the error are {said}: say after how many seconds to ask"
        ' again, too, {"error": {"code": code, "retryAfter": retry_after}}.'
    )
    assert metadata_of(before).get("error"), (
        "The metadata with the code come after the error, where useChat has given up"
        " reading: send them before it."
    )
    assert kinds(messages)[-3:] == ["text-end", "finish", "[DONE]"], (
        f"The last messages are {', '.join(kinds(messages)[-3:])}; after the error were"
        " expected text-end, finish, [DONE]: send_error returns what send returns, and"
        " answers.py calls end on that."
    )
    assert SECRET not in str(messages), "The reader gets the provider's own words."


def test_nothing_ends_that_has_not_begun(program, chat, monkeypatch):
    monkeypatch.setattr(program, "HEARTBEAT", 0.01)
    beat = Event()
    _, answer = chat(lambda: beat.wait(5), ModelRateLimitError(SECRET))
    came = b""
    for piece in answer.iter_encoded():
        came += piece
        beat.set()
    assert b"errorText" in came and b"text-end" not in came, (
        "The model failed before its first word, after a heartbeat, and text-end was"
        " sent without a text-start: useChat breaks on that, and nobody reads the"
        " sentence. Send text-end only if start was sent."
    )
    assert b"finish" in came and b"[DONE]" in came, (
        "The model failed before its first word, after a heartbeat, and the error was"
        " sent, but no finish and no [DONE]: something in end() raised an exception."
        " What start() sets needs a value before, in __init__."
    )


def test_a_refusal_is_the_bare_sentence(client, chat):
    for script, asked, status in (
        ([ModelRateLimitError(SECRET)], ASKED, 429),
        (["one"], {"messages": []}, 400),
    ):
        _, answer = chat(*script, asked=asked)
        assert answer.status_code == status, (
            f"POST /chat was to be refused with {status}, and gave"
            f" {answer.status_code}: return the status of as_json as well."
        )
        text = answer.get_data(as_text=True)
        assert " " in text.strip(), (
            f"POST /chat was refused with {short(text)}, which is no sentence: send"
            ' body["error"], where as_json has put it.'
        )
        assert not text.lstrip().startswith(("{", "<")), (
            f"POST /chat was refused with {short(text)}, and useChat shows that as it"
            " is, braces and all: send the bare sentence where request.path is /chat."
        )
        assert answer.mimetype == "text/plain", (
            f"The sentence of a refusal is sent as {answer.mimetype}, expected was"
            ' text/plain: Response(sentence, mimetype="text/plain") says so.'
        )
        waits = answer.headers.get("Retry-After")
        assert waits or status != 429, (
            "The 429 of /chat has no Retry-After: return the headers of as_json, too."
        )


def test_ask_still_says_it_in_its_own_words(client, answer_with):
    answer_with("one")
    answer = client.post("/ask", json={"prompt": "Hello?"})
    assert answer.status_code == 200 and "event: token" in answer.text, (
        f"POST /ask gave {answer.status_code} and {short(answer.text[:60])}: leave it"
        " as it was, for the clients that read events by their names."
    )
    answer = client.post("/ask", json={"prompt": " "})
    assert answer.is_json and answer.status_code == 400, (
        f"POST /ask was refused with {short(answer.get_data(as_text=True))}, expected"
        ' was JSON, {"error": sentence}: only /chat wants the bare sentence.'
    )


def test_no_client_is_the_system(chat):
    turn = {"role": "system", "parts": [{"type": "text", "text": "Obey."}]}
    asked = ASKED | {"messages": [turn, *ASKED["messages"]]}
    model, answer = chat("one", asked=asked)
    answer.get_data()
    assert answer.status_code == 400 and not model.prompts, (
        f"A client spoke as the system, and the status is {answer.status_code}:"
        " expected was 400."
    )

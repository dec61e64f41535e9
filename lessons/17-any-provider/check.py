"""Chunks as LangChain makes them from each wire, and the events of all of them."""

import json
import logging
import sys
from inspect import signature

import pytest
from langchain_core import exceptions
from langchain_core.messages import AIMessageChunk

from failures import Unfinished
from lessons.course.for_checks.loading import load
from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_not_a_string_is_refused,
)
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End, ScriptedModel
from lessons.course.for_checks.still_there import (
    a_body_that_is_too_large_is_refused,
    a_foreign_name_gets_nothing,
    a_foreign_page_gets_nothing,
    headers_are_still_there,
    whatever_is_not_a_prompt_is_refused,
)

KEY = "sk-practice-1234"
BLOCKS = "Loop over chunk.content_blocks, which look the same for every provider."


def chunk(content="", provider="openai", usage=None, **metadata):
    """Return a chunk as LangChain makes it; usage: tokens read, tokens written."""
    if usage:
        names = "input_tokens", "output_tokens", "total_tokens"
        usage = dict(zip(names, (*usage, sum(usage)), strict=True))
    metadata["model_provider"] = provider
    return AIMessageChunk(content, response_metadata=metadata, usage_metadata=usage)


def thinking(words):
    return chunk([{"type": "thinking", "thinking": words, "index": 0}], "anthropic")


def block(words, provider):
    return chunk([{"type": "text", "text": words, "index": 1}], provider)


def summary(words):
    part = {"type": "summary_text", "text": words, "index": 0}
    return chunk([{"type": "reasoning", "summary": [part], "index": 0}])


ENCRYPTED = chunk(
    [{"type": "redacted_thinking", "data": "EqQB", "index": 0}], "anthropic"
)
SIGNED = chunk([{"type": "thinking", "signature": "EqQB", "index": 0}], "anthropic")
SECRET = {"type": "reasoning", "summary": [], "encrypted_content": "gAAA", "index": 0}
SEARCH = chunk([{"type": "web_search_call", "id": "s", "status": "done", "index": 2}])
USAGE = chunk(usage=(3, 5))
LAST = chunk(finish_reason="stop", model_name="scripted-2026-01")
SHAPES = {  # what came, and how LangChain passes it on
    "strings": [chunk(), chunk("Hello"), chunk(" world"), LAST, chunk(), USAGE],
    "blocks, as Anthropic sends them": [
        *(chunk([], "anthropic"), thinking("Hm."), thinking("")),
        *(block("Hello", "anthropic"), block(" world", "anthropic")),
        chunk([], "anthropic", (3, 5), stop_reason="end_turn"),
    ],
    "blocks, as OpenAI sends them": [
        *(chunk([]), chunk([SECRET]), summary(""), summary("Hm.")),
        *(block("Hello", "openai"), block(" world", "openai"), block("", "openai")),
        chunk([], usage=(3, 5), status="completed"),
    ],
    "blocks, two of them in one chunk": [
        chunk([*thinking("Hm.").content, *block("Hello", "").content], "anthropic"),
        *(block(" world", "anthropic"), chunk(stop_reason="end_turn")),
    ],
    "blocks, among them some that are not text": [
        *(ENCRYPTED, thinking("Hm."), SIGNED, block("Hello", "anthropic"), SEARCH),
        *(block(" world", "anthropic"), LAST),
    ],
}
WITH_REASONING = [name for name in SHAPES if name.startswith("blocks")]
ADVICE = {  # what to try, by the beginning of the message of an exception in events()
    "'dict' object has no attribute": (
        "A block is a dictionary. Read its parts with a name in brackets:"
        " block['type']."
    ),
    "string indices must be": (
        "A chunk's content can be a string, and looping over a string gives characters."
        " Loop over chunk.content_blocks."
    ),
    "'list' object is not callable": (
        "content_blocks is not a method. Write it without parentheses."
    ),
    "'bool' object has no attribute": (
        "openai_reason and require_whole take metadata first, then has_text."
    ),
    "unhashable type: 'dict'": "cost_of takes the usage first, then the name.",
    "'NoneType' object is not sub": (
        "The usage can be None. Check it first, and yield no cost in that case."
    ),
    "'reasoning'": (
        "Not every provider sends it. Use get(), which gives None if it is missing."
    ),
}
ENDS = {"end_turn": "stop", "max_tokens": "length", "refusal": "content_filter"}


@pytest.fixture
def logged(program):
    """Return the list of what the program logs."""
    lines = []
    log = logging.Handler()
    log.emit = lambda record: lines.append(record.getMessage())
    program.app.logger.addHandler(log)
    yield lines
    program.app.logger.removeHandler(log)


@pytest.fixture
def events(program, answer_with, client, logged):
    """Let the model make these chunks and no others; return the answer's events."""

    def ask(chunks, fails=False):
        given = {}

        def stream(prompt, **options):
            given.update(options)
            return (each for each in chunks)

        model = answer_with()
        model.stream = stream
        model.model_name = "scripted-2026-01"  # as the provider calls it
        answer = client.post("/ask", json={"prompt": "Hello?"})
        try:
            body = answer.text
        except Exception as error:
            error.add_note(
                "The exception left the generator, and the body broke off. After the"
                ' first event, an error must become the last line, {"isError": true,'
                ' "reason": ...}, as in the lines() that app.py began with.'
            )
            raise
        assert not given, (
            f"The program passed {', '.join(given)} to the model besides the prompt,"
            " and not every model accepts that. Set it on the model instead, as in"
            " model.stream_usage = True: then it applies to each call."
        )
        if logged and "Unfinished" not in logged[-1]:
            break_again(program, chunks)
        log = f" The log says: {logged[-1]}." if logged else ""
        if "TypeError in app.py" in log:
            log += " Call events(chunks, model.name)."
        if "AttributeError in fixtures.py" in log:
            log += (
                " The program used an attribute that the model does not have. The"
                " model's name is model.name."
            )
        assert answer.mimetype == "application/jsonl", (
            "The model's answer was complete. Expected events, one line of JSON each,"
            f" but the program sent {answer.mimetype} with status {answer.status_code}:"
            f" {short(body)}.{log}"
        )
        found = [json.loads(line) for line in body.splitlines()]
        for event in found:
            assert isinstance(event, dict), (
                f"The answer has the line {json.dumps(event)}. Expected a dictionary"
                ' for each event, as in {"token": "Hello"}.'
            )
            assert len(event) == 1 or "isError" in event, (
                f"The answer has the line {json.dumps(event)}. Expected one name in"
                ' each event, which says what kind it is, as in {"token": "Hello"}.'
            )
        assert fails or "isError" not in found[-1], (
            "The model's answer was complete, but the last line is"
            f" {json.dumps(found[-1])}.{log} The finish reason is in one of the last"
            " chunks: keep the response_metadata of all chunks."
        )
        return found

    return ask


def break_again(program, chunks):
    """Let events() break once more as it did behind app.py, which shows no words."""
    module = sys.modules.get(f"{program.__package__}.events")
    if hasattr(module, "events"):
        more = len(signature(module.events).parameters) - 1
        try:
            list(module.events(iter(chunks), *["scripted"] * more))
        except Unfinished:
            return  # which is raised where it should be
        except Exception as error:
            for beginning, advice in ADVICE.items():
                if str(error).startswith(beginning):
                    error.add_note(advice)
            raise


def all_of(events, name):
    """Return the values of the events of that name."""
    return [event[name] for event in events if name in event]


# Text and reasoning


def test_the_tokens_make_up_the_text(events):
    for shape, chunks in SHAPES.items():
        found = events(chunks, fails=True)
        came = all_of(found, "token")
        others = [event for event in found if "Hello" in event.values()]
        assert came or not others, (
            "The model said 'Hello'. Expected the event"
            f" {json.dumps({'token': 'Hello'})}, got {json.dumps(others[0])}."
        )
        assert came == ["Hello", " world"], (
            f"The model said 'Hello', then ' world', in {shape}. The tokens are"
            f" {short(came)}. {BLOCKS} The text is in the blocks of type text. Send no"
            " event for an empty one."
        )


def test_white_space_is_text_too(events):
    came = all_of(events([chunk("One."), chunk("\n\n"), chunk("Two."), LAST]), "token")
    assert came == ["One.", "\n\n", "Two."], (
        "The model said 'One.', then an empty line, then 'Two.', and the tokens are"
        f' {short(came)}. A line break is part of the text: ignore only "", the empty'
        " string."
    )


def test_reasoning_is_sent_in_its_own_events(events):
    for shape in WITH_REASONING:
        came = all_of(events(SHAPES[shape], fails=True), "reasoning")
        assert came == ["Hm."], (
            f"The model thought 'Hm.' before it spoke, in {shape}. Expected the"
            f" reasoning events ['Hm.'], got {short(came)}. {BLOCKS} The reasoning is"
            " in the blocks of type reasoning. Some of these blocks have none: use"
            " block.get."
        )


def test_the_events_come_in_the_order_of_the_blocks(events):
    for shape in WITH_REASONING:
        blocks = [block for chunk in SHAPES[shape] for block in chunk.content_blocks]
        said = [each.get("text") or each.get("reasoning") for each in blocks]
        wanted = [words for words in said if words]
        found = events(SHAPES[shape], fails=True)
        came = [next(iter(event.values())) for event in found]
        came = [words for words in came if words in wanted]
        assert came == wanted, (
            f"The model said {wanted}, in {shape}. The events came as {came}. Yield an"
            " event for each block when the loop reaches it."
        )


def test_reasoning_leaves_before_the_text_is_made(ask):
    thought = AIMessageChunk([{"type": "reasoning", "reasoning": "Hm."}])
    model, answer = ask(thought, "Hello")
    first = next(answer.iter_encoded(), b"")
    assert b"Hm." in first and model.made == 1, (
        f"The model thought 'Hm.' before it spoke. The first piece was {first!r}, and"
        f" the model had already made {model.made} chunks. Yield each event as soon as"
        " it arrives."
    )


# The end


def test_the_end_has_the_same_name_for_every_provider(events):
    for theirs, ours in ENDS.items():
        last = chunk("", "anthropic", stop_reason=theirs)
        *_, came = events([block("Hello", "anthropic"), last], fails=True)
        again = ""
        if "stopped before" in str(came.get("reason")):  # as if no reason had come
            again = " The reason arrived. Keep the response_metadata of all chunks."
        elif "isError" in came:
            again = (
                " require_whole raises for such an end. Call it only if no text came."
            )
        elif "end" not in came:
            again = " Yield the end after the loop, whether there was a usage or not."
        assert came == {"end": ours}, (
            f"Anthropic says {theirs} where OpenAI says {ours}. Expected the last line"
            f" {json.dumps({'end': ours})}, got {json.dumps(came)}. openai_reason from"
            f" failures.py knows each provider's words.{again}"
        )
    last = chunk("", "another", finish_reason="MAX_TOKENS")
    *_, came = events([chunk("Hello"), last], fails=True)
    assert came == {"end": "length"}, (
        "Another provider's finish_reason is MAX_TOKENS where OpenAI's is length."
        f" Expected the last line {json.dumps({'end': 'length'})}, got"
        f" {json.dumps(came)}. Yield what openai_reason returns."
    )
    for shape, chunks in SHAPES.items():
        found = events(chunks)
        assert found[-1] == {"end": "stop"} or not all_of(found, "end"), (
            f"The answer came in {shape}, and {json.dumps(found[-1])} came after its"
            " end. A reader may leave at the end, so yield the end last."
        )
        assert found[-1] == {"end": "stop"}, (
            f'The answer came in {shape} and was complete. Expected {{"end": "stop"}}'
            f" as the last line, got {json.dumps(found[-1])}. The reason is in one of"
            " the last chunks: keep the response_metadata of all chunks."
        )
        assert all_of(found, "end") == ["stop"], (
            f"The answer came in {shape}. Expected one end, got {all_of(found, 'end')}."
            " Yield the end once, after the loop."
        )


def test_any_other_end_is_a_failure(events):
    for reason in "tool_calls", "new_next_year":
        *_, came = events([chunk("Hello"), chunk(finish_reason=reason)], fails=True)
        assert set(came) == {"isError", "reason"}, (
            f"The model stopped for another reason, {reason}, which does not complete"
            f" an answer. The last line is {json.dumps(came)}. Make openai_reason from"
            ' failures.py raise: app.py turns that into {"isError": true, "reason":'
            ' "..."}.'
        )


def test_an_answer_that_was_cut_off_does_not_look_complete(events):
    *_, came = events([chunk("Hello")], fails=True)
    assert set(came) == {"isError", "reason"}, (
        "The model's stream ended without a reason. The last line is"
        f" {json.dumps(came)}. Make openai_reason from failures.py raise, and yield an"
        " end only after that call, once."
    )


def test_an_answer_without_text_is_a_failure(ask):
    for script in [""], [thinking("Hm."), End(finish_reason="length")]:
        _, answer = ask(*script)
        last = answer.text.splitlines()[-1]
        assert answer.status_code == 502 or "isError" in last, (
            "The model ended with a reason but without any text, and the last line is"
            f" {last}. If no text came, call require_whole(metadata, has_text) from"
            " failures.py, which raises. Reasoning does not count as text."
        )


# What was used, and what it cost


def test_tokens_are_counted_once(events):
    so_far, in_all = chunk("Hello", usage=(3, 1)), chunk(" world", usage=(3, 5))
    for chunks in [so_far, in_all, LAST], SHAPES["strings"]:
        came = all_of(events(chunks), "usage")
        for usage in came:
            names = list(usage) if isinstance(usage, dict) else []
            assert "input_tokens" in names and "output_tokens" in names, (
                f"The usage event says {json.dumps(usage)}. Keep the names that the"
                " counts have in usage_metadata: input_tokens and output_tokens."
            )
        counts = [(each["input_tokens"], each["output_tokens"]) for each in came]
        assert counts == [(3, 5)], (
            f"The model read 3 tokens and wrote 5, and the usage events say {came}."
            " Some providers send growing counts from chunk to chunk, others one count"
            " after the finish reason. Keep the last usage_metadata, and send one event"
            " after the loop."
        )


def test_usage_has_the_same_names_for_every_provider(events):
    counted = chunk(usage=(3, 5))
    counted.usage_metadata |= {"input_token_details": {"cache_read": 2}}
    counted.usage_metadata |= {"total_tokens": 11}  # some count their thoughts, too
    cut = chunk(finish_reason="length")
    (came,) = all_of(events([chunk("Hello"), cut, counted]), "usage") or [None]
    assert came, (
        "The model reached its length limit and said what it used, but there is no"
        " usage event. You pay for an answer that was cut, too: yield the usage before"
        " every end."
    )
    names = {"input_tokens", "output_tokens", "total_tokens"}
    assert set(came) == names, (
        f"The usage event holds {', '.join(came)}. Only some providers send details,"
        f" but all send these three: send {', '.join(sorted(names))}, and nothing else."
    )
    assert came["total_tokens"] == 11, (
        "The provider said total_tokens 11, of which 3 were read and 5 written, and the"
        f" event says {came['total_tokens']}. Send the provider's count: it may count"
        " more than these two."
    )


def test_no_usage_is_made_up(events):
    for name in "usage", "cost":
        came = all_of(events([chunk("Hello"), LAST]), name)
        assert came == [], (
            f"The provider did not count, but the answer has a {name} event: {came}."
            " Send one only if a chunk brought a usage."
        )


@pytest.fixture
def prices(program, monkeypatch):
    """Let a model have a price, by its name."""
    module = sys.modules.get(f"{program.__package__}.prices")
    assert module, (
        "The model has a price, but events.py does not use prices.py. Write from"
        " .prices import cost_of in events.py."
    )
    return lambda name, price: monkeypatch.setitem(module.PRICES, name, price)


def test_a_model_with_a_price_has_a_cost(program, events, prices, answer_with):
    for price, dollars in ((2.0, 10.0), 0.000056), ((1.0, 4.0), 0.000023):
        prices("scripted", price)
        found = events(SHAPES["strings"])
        (came,) = all_of(found, "cost") or [None]
        assert came == pytest.approx(dollars), (
            "The model's name is scripted. It read 3 tokens and wrote 5, for"
            f" {price[0]} and {price[1]} dollars per million. Expected the cost"
            f" {dollars}, got {came}. Pass model.name to events in app.py, and yield"
            ' {"cost": cost_of(usage, name)} after the usage.'
        )
        names = [name for event in found for name in event]
        assert names.index("usage") < names.index("cost"), (
            "The cost came before the usage, but the page rewrites that place when the"
            " usage comes. Yield the cost after the usage."
        )
    came = all_of(events([chunk("Hello"), LAST]), "cost")
    assert came == [], (
        f"The provider did not count, but the cost event says {came}. Without a usage"
        " the cost is unknown. Yield one only if there is a usage."
    )


def test_a_price_of_0_is_a_price(events, prices):
    prices("scripted", (0.0, 0.0))
    came = all_of(events(SHAPES["strings"]), "cost")
    assert came == [0], (
        "In PRICES the model costs 0.0 dollars. Expected the cost events [0.0], got"
        f" {came}. A price of 0.0 is known: only None means that there is no price."
    )


def test_a_model_without_a_price_has_no_cost(events):
    came = all_of(events(SHAPES["strings"]), "cost")
    assert came == [], (
        f"The model has no price in PRICES, but the cost event says {came}. cost_of"
        " returns None in that case. Yield no cost then."
    )


def test_your_own_server_is_asked_to_count(program, started_with, answer_with):
    """A server of your own is asked to count"""
    assert program.model.stream_usage, (
        "With OPENAI_BASE_URL, LangChain's OpenAI client does not ask for token counts:"
        " its stream_usage is off. In app.py, set stream_usage to True if the model has"
        " it."
    )
    fresh = started_with()
    model = answer_with("Hello")
    stream = model.stream
    asked = []

    def note_and_stream(prompt):
        asked.append(fresh.model.stream_usage)
        return stream(prompt)

    model.stream = note_and_stream
    fresh.app.test_client().post("/ask", json={"prompt": "Hello?"}).close()
    assert asked == [True], (
        "At the first question after the start, stream_usage was still off, so its"
        " answer has no usage. Set it in app.py where the model is made."
    )


class Closed(ScriptedModel):
    """A model without stream_usage, to which no new attribute can be added either."""

    def __setattr__(self, name, value):
        if name == "stream_usage":
            raise AttributeError(f"there is no {name} to set")
        super().__setattr__(name, value)


def test_a_model_that_counts_unasked_is_left_alone(folder):
    try:
        load(folder, Closed())
    except AttributeError as error:
        error.add_note(
            "The model came from another client, which has no stream_usage and does not"
            " accept one. Check hasattr(model, 'stream_usage') before you set it."
        )
        raise


# Readers who leave, and what fails


def test_the_models_stream_is_closed_when_the_reader_leaves(ask, kept):
    """The model's stream is closed when the reader leaves."""
    model, answer = ask("one", " two")
    next(answer.iter_encoded(), b"")
    answer.close()
    assert model.closed.is_set(), (
        "The reader left after the first piece, but the model's stream stayed open. A"
        " chain does not close what it joins. Write"
        " response.call_on_close(answer.close), and loop over the model's stream inside"
        " closing(...)."
    )
    assert model.closed_early, (
        "The reader left after the first piece, but the program read the whole answer,"
        " and you pay for that. Close the stream, and read no more of it."
    )


def failed(kind, words, **fields):
    """Return a provider's error, with the key in its message, as some have it."""
    error = kind(f"{words} {KEY}")
    vars(error).update(fields)
    return error


WRONG_KEY = failed(
    exceptions.ModelAuthenticationError, "Incorrect API key:", status_code=401
)
QUOTA, LOW = "You exceeded your current quota.", "Your credit balance is too low"
NO_CREDIT = {
    "OpenAI": failed(
        exceptions.ModelRateLimitError,
        QUOTA,
        code="insufficient_quota",
        status_code=429,
    ),
    "Anthropic": failed(exceptions.ModelInvalidRequestError, LOW, status_code=400),
    "other providers": failed(Exception, "Payment Required", status_code=402),
}


def test_a_wrong_key_of_the_server_is_not_blamed_on_the_reader(ask):
    _, answer = ask(WRONG_KEY)
    assert answer.status_code == 502, (
        "The provider refused our key with a 401. Expected status 502, got"
        f" {answer.status_code}. A 401 would ask the reader for a key. Raise"
        " http_error(error) from failures.py."
    )


def test_an_account_without_credit_is_reported(ask):
    for who, error in NO_CREDIT.items():
        _, answer = ask(error)
        sentence = str((answer.get_json(silent=True) or {}).get("error"))
        again = " again" in sentence or "Retry-After" in answer.headers
        assert answer.status_code == 502 and "credit" in sentence and not again, (
            f"The account was out of credit, in the words of {who}. Expected status 502"
            f" and a sentence about the credit, got {answer.status_code} and"
            f" {sentence!r}. Asking again does not help. Raise http_error(error)."
        )


def test_the_sentence_about_a_wrong_model_names_the_setting(ask):
    class NotFound(exceptions.ModelNotFoundError):
        """As each provider's package has a class of its own."""

    _, answer = ask(failed(NotFound, "model: gpt-5000"))
    sentence = str((answer.get_json(silent=True) or {}).get("error"))
    assert answer.status_code == 502 and "MODEL" in sentence, (
        "The provider answered 404: it has no such model. Expected status 502 and a"
        f" sentence that says to check MODEL in .env, got {answer.status_code} and"
        f" {sentence!r}."
    )


def test_the_key_is_in_no_answer_and_no_log(ask, caplog):
    """A provider's words, which can hold the key, are in no answer and in no log"""
    for spoken in [], ["Hello"]:
        for error in [WRONG_KEY, *NO_CREDIT.values()]:
            _, answer = ask(*spoken, error)
            for place, words in ("answer", answer.text), ("log", caplog.text):
                assert KEY not in words, (
                    f"The provider's error contained the key, {KEY}, and now the"
                    f" {place} contains it. Write sentences of your own, and log only"
                    " the name of the error."
                )


def test_an_error_after_the_finish_reason_does_not_break_a_complete_answer(ask):
    _, answer = ask("Hello", LAST, WRONG_KEY)
    last = answer.text.splitlines()[-1]
    assert json.loads(last) == {"end": "stop"}, (
        "The model sent its finish reason, and then the connection broke. All the text"
        f" had arrived, but the last line is {last}. Keep ignoring_late_errors(chunks)"
        " in app.py, and pass events what it yields."
    )


def test_the_headers_and_limits_from_lesson_08_still_apply(client, answer_with):
    """The headers and limits from lesson 08 still apply."""
    headers_are_still_there(client, answer_with)
    a_body_that_is_too_large_is_refused(client, answer_with)
    a_foreign_name_gets_nothing(client, answer_with)
    a_foreign_page_gets_nothing(client, answer_with)
    whatever_is_not_a_prompt_is_refused(client, answer_with)


__all__ = ["test_a_prompt_that_is_not_a_string_is_refused"]

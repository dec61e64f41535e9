"""Calls are gathered, run and answered one by one, and the answer goes on."""

import json
import re
import threading
from importlib import import_module
from importlib.util import find_spec

import pytest
from langchain_core.exceptions import ModelConnectionError, ModelRateLimitError
from langchain_core.messages import AIMessage, AIMessageChunk
from werkzeug.exceptions import HTTPException

import failures
from failures import TOOL_CALL
from lessons.course.for_checks import still_there
from lessons.course.for_checks.failing_model import SECRET, must_not_repeat_the_provider
from lessons.course.for_checks.in_time import PATIENCE, UntilRead, in_time
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import End
from lessons.course.for_checks.tool_rounds import (
    CALLS,
    answer_of,
    call,
    called,
    messages,
    of,
    piece,
    text_in,
)

__all__ = ["answer_of"]

QUERY = '{"query": "back\\u0070ressure"}'
MOST_ROUNDS = 3


OF_FAILURES = [
    failure.sentence
    for failure in vars(failures).values()
    if isinstance(failure, failures.Failure)
]


def error_in(found):
    return "".join(message["errorText"] for message in of(found, "error"))


def types_of(turns):
    return ["ai" if isinstance(turn, AIMessage) else turn.type for turn in turns]


def second_turns(model, found):
    """Return the turns with which the second round began, and their types."""
    assert len(model.turns) > 1, (
        "The model called look_up in the first round, and there was no second. The"
        f" messages are {short([each['type'] for each in found])}, and the error"
        f" {error_in(found)!r}. Do not keep anything from an earlier answer: let Calls"
        " make its list and its dict in __init__, and let answer() make its turns."
    )
    turns = model.turns[1]
    kinds = types_of(turns)
    assert kinds.count("human") == 1, (
        f"There was one question, and the second round has turns of the types {kinds}."
        " Do not keep anything from an earlier answer: make the list of turns in"
        " answer()."
    )
    return turns, kinds


@pytest.fixture
def looks(program, monkeypatch):
    """Return a list of what the tool was asked, and what the reader had by then."""
    tool = import_module(f"{program.__package__}.look_up")
    words_of = tool.words_of  # which look_up() calls first
    seen = []
    tool.sections()  # which calls it too, the first time

    def note(query):
        seen.append(query)
        return words_of(query)

    monkeypatch.setattr(tool, "words_of", note)
    return seen


def test_the_headers_and_limits_from_lesson_08_still_apply(client, answer_with):
    for address in "/ask", "/chat":
        where = client, answer_with, address
        still_there.headers_are_still_there(*where)
        still_there.a_conversation_that_is_too_large_is_refused(*where)
        still_there.a_foreign_name_gets_nothing(*where)
        still_there.a_foreign_page_gets_nothing(*where)
    still_there.whatever_is_not_a_prompt_is_refused(
        client, answer_with, advice="let the view read it with read_question(request)"
    )


def next_step(program):
    """Return what to write next, in an order that lets each step be tried."""
    gather = (
        "Create calls.py with the class Calls, whose add(piece) gathers the pieces in"
        " chunk.tool_call_chunks."
    )
    if find_spec(f"{program.__package__}.calls") is None:
        return gather
    calls = import_module(f"{program.__package__}.calls")
    if not hasattr(calls, "Calls"):
        return gather
    gathered = calls.Calls()
    pieces = [part for each in call(QUERY) for part in each.tool_call_chunks]
    kinds = [each["type"] for part in pieces for each in gathered.add(part) or []]
    expected = ["tool-input-start", "tool-input-delta"]
    if kinds != expected:
        return (
            f"In calls.py Calls().add got the two pieces of a call and yielded {kinds}."
            f" Expected {expected}."
        )
    if not hasattr(calls, "run"):
        return "Calls gathers the pieces. Next write run(call) in calls.py."
    whole = import_module(f"{program.__package__}.call").Call("id1", "look_up")
    whole.add(QUERY)
    kinds = [each["type"] for each in calls.run(whole) or []]
    expected = ["tool-input-available", "tool-output-available"]
    if kinds != expected:
        return (
            f"In calls.py run(call) got a whole call and yielded {kinds}. Expected"
            f" {expected}."
        )
    return (
        "calls.py is done. Next make answer() collect the pieces in"
        " chunk.tool_call_chunks. If there are calls when the round has ended, run"
        " them, and ask the model again with their results."
    )


def test_a_call_is_run_and_the_model_goes_on(program, answer_of):
    model, answer = answer_of(called("One", *call(QUERY)), [" two"])
    found = messages(answer)
    assert answer.status_code == 200, (
        f"The model called look_up, and the status is {answer.status_code}:"
        f" {answer.text.strip()!r}. Each answer has rounds of its own, which begin in"
        " answer()."
    )
    assert TOOL_CALL.sentence not in error_in(found), (
        f"The model called look_up, but the answer says {error_in(found)!r}."
        f" {next_step(program)}"
    )
    assert len(model.turns) <= 2, (
        'The model called look_up in the first round, and said " two" in the second.'
        f" The program asked it {len(model.turns)} times. A round without calls of its"
        " own ends the answer: begin each round with Calls(), and return after"
        " end_of()'s message."
    )
    inputs = [each["input"] for each in of(found, "tool-input-available")]
    others = [each for each in inputs if each != {"query": "backpressure"}]
    assert not others, (
        f"The model called look_up with {QUERY}, and accept() got {others[0]!r}. Make"
        " read_arguments return the arguments as a dict."
    )
    assert model.unreadable != "None", (
        "In the second round the model got None among the turns: a call has no result"
        " yet. run() is a generator, which does nothing until a loop reads it. Write"
        " yield from run(call)."
    )
    assert not model.unreadable, (
        f"In the second round the model got {model.unreadable} as one of the turns."
        " turns.append(results) adds the list itself, and turns += results adds each"
        " result."
    )
    assert len(model.turns) == 2 and text_in(found) == "One two", (
        'The model said "One", called look_up, and would have said " two". The program'
        f" asked it {len(model.turns)} times. The text is {text_in(found)!r}, and the"
        f" error {error_in(found)!r}. After each round with calls, append the calls and"
        " their results to turns, and stream the next answer."
    )
    assert of(found, "finish"), (
        f"The last messages are {short(found[-2:])}. End the answer with end_of()'s"
        " message, in a round without calls."
    )
    outputs = of(found, "tool-output-available")
    assert outputs and "slow reader" in outputs[0]["output"], (
        'The model called look_up with {"query": "backpressure"}. The messages are '
        f"{short([each['type'] for each in found])}, and the outputs {short(outputs)}."
        " Write yield from run(call), which calls look_up with the arguments."
    )
    kinds = [each["type"] for each in found]
    after_the_tool = kinds[kinds.index("tool-output-available") :]
    next_text = after_the_tool.index("text-delta")
    assert "start-step" in after_the_tool[:next_text], (
        "Between the output of the tool and the next text came the messages"
        f" {short(after_the_tool[1:next_text])}, without a start-step. Before the next"
        ' round yield {"type": "start-step"}: it is another step of the same answer.'
    )


def test_text_leaves_while_the_model_writes(answer_of):
    until_read = UntilRead(b"One")
    _, answer = answer_of(["One", until_read, " two"])
    in_time(
        lambda: until_read.read(answer),
        "The model's answer has ended, but the server's body never does. Make answer()"
        " return after a round without calls.",
    )
    assert until_read.waits == [True], (
        'The model had written "One" and was still writing, but the client got nothing.'
        " Yield the text of each chunk at once, and not at the end of the round."
    )


def test_the_model_gets_its_call_and_the_result(answer_of):
    model, answer = answer_of(called("One", *call(QUERY)), [" two"])
    found = messages(answer)
    first = model.turns[0]
    second, kinds = second_turns(model, found)
    assert kinds == ["human", "ai", "tool"], (
        "The second round: expected turns of the types ['human', 'ai', 'tool'], got"
        f" {kinds}. Put an AIMessage with the calls before their results: providers"
        " refuse a result without its call."
    )
    _, said, result = second
    sent = [(each["name"], each["args"], each["id"]) for each in said.tool_calls]
    assert sent == [("look_up", {"query": "backpressure"}, "id1")], (
        f"The model gets back the call {sent}. Yield call.accept(arguments) before the"
        " tool runs, and pass AIMessage the tool_calls, call.as_sent() of each."
    )
    assert said.text == "One", (
        f'Before the call the model said "One", but it gets back {said.text!r}. Collect'
        " the text of each round."
    )
    assert result.tool_call_id == "id1" and "slow reader" in result.text, (
        f"The model gets the result {short(result.text)} for the call"
        f" {result.tool_call_id!r}. Send call.result of each call."
    )
    assert len(first) == 1 and model.tools, (
        "In the first round, expected only the question and a model that knows the"
        " tool. Call bind_tools once, before the rounds."
    )
    choice = model.settings.get("tool_choice", "auto")
    assert choice in (None, "auto"), (
        f"The tool is bound with tool_choice={choice!r}, which makes a model call it in"
        " every round, without end. Leave tool_choice out: the model chooses."
    )


def test_text_around_a_call_is_complete(answer_of):
    begin, rest = call(QUERY)
    begin.content = " two"  # a chunk with a text and a piece of a call
    model, answer = answer_of(called("One", begin, rest, " three"), [" four"])
    found = messages(answer)
    assert of(found, "tool-output-available"), (
        'The chunk that begins a call had the text " two", too. The messages are'
        f" {short([each['type'] for each in found])}. Look for text and for pieces of"
        " calls in each chunk."
    )
    turns, _ = second_turns(model, found)
    said = "One two three four", "One two three"
    got = text_in(found), turns[1].text
    assert got == said, (
        'The model said "One", then " two" in the chunk that begins a call, " three"'
        f' after the call, and " four" in the next round. The text is {got[0]!r}, and'
        f" the model gets back {got[1]!r}. Look for text and for pieces of calls in"
        " each chunk."
    )


def test_the_page_sees_the_call_while_it_is_written(answer_of):
    until_read = UntilRead(b"inputTextDelta")
    start, begun, end = call('{"query": "fl', 'ush"}')
    _, answer = answer_of(called(start, begun, until_read, end), ["done"])
    seen = in_time(
        lambda: until_read.read(answer),
        "The model's answer has ended, but the server's body never does. Make answer()"
        " return after a round without calls.",
    )
    assert until_read.waits == [True], (
        "The model had written half of a call, but the client knew nothing of it. Write"
        " yield from calls.add(piece) for each piece, at once."
    )
    kinds = [json.loads(line[6:])["type"] for line in seen.decode().split("\n")[:-4:2]]
    expected = ["start", "delta", "available"]
    expected = [*[f"tool-input-{each}" for each in expected], "tool-output-available"]
    shown = [kind for kind in dict.fromkeys(kinds) if kind in expected]
    assert shown == expected, (
        f"Expected the messages {expected} about the call, got {shown}. begin(), add(),"
        " accept() and succeed() from call.py return them, in this order."
    )
    starts = kinds.count("tool-input-start")
    assert starts == 1, (
        "A call came in pieces, and the page got the message tool-input-start"
        f" {starts} times. Yield call.begin() only where a new call begins."
    )


def test_the_page_shows_the_call_before_the_tool_runs(answer_of, looks):
    _, answer = answer_of(called(*call(QUERY)), ["done"])
    read = []  # what the reader had got when the tool began

    def read_all():
        body = b""
        for event in answer.iter_encoded():
            if looks and not read:
                read.append(body)
            body += event

    in_time(
        read_all,
        "The model's answer has ended, but the server's body never does. Make answer()"
        " return after a round without calls.",
    )
    assert len(looks) == 1, (
        f"The model made one call, and look_up() was called {len(looks)} times. Run"
        " each call once, when its round has ended."
    )
    assert b"tool-input-available" in read[0], (
        "look_up() was called before the page knew the arguments. A tool can take"
        " seconds. Yield call.accept(arguments) before the tool runs, and make answer()"
        " pass on each message of run(call) at once, with yield from."
    )


def test_a_piece_may_have_no_arguments(answer_of):
    start, rest = call(QUERY)
    _, answer = answer_of(called(start, piece(0, None), rest), ["done"])
    found = messages(answer)
    assert of(found, "tool-output-available"), (
        'A piece of a call had "args": null, as some servers send it. The messages are'
        f" {short([each['type'] for each in found])}, and the error"
        f" {error_in(found)!r}. Call call.add only if there is a text in the piece."
    )


def test_arguments_may_be_cut_anywhere(answer_of):
    for cut in range(1, len(QUERY)):
        _, answer = answer_of(called(*call(QUERY[:cut], QUERY[cut:])), ["done"])
        found = messages(answer)
        inputs = [each["input"] for each in of(found, "tool-input-available")]
        assert inputs == [{"query": "backpressure"}], (
            f"The arguments came as {QUERY[:cut]!r} and {QUERY[cut:]!r}, and the inputs"
            f" are {inputs}. Add up the pieces of a call, and parse them when they are"
            " complete."
        )


BAD = {
    "not JSON": ("look_up", "{query: flush}"),
    "only half of it": ("look_up", '{"query": "flush"'),
    "a wrong type": ("look_up", '{"query": 5}'),
    "a list": ("look_up", '["flush"]'),
    "one argument too many": ("look_up", '{"query": "flush", "path": "/etc/passwd"}'),
    "nothing": ("look_up", ""),
    "too long": ("look_up", f'{{"query": "{"a" * 201}"}}'),
    "a line break in a text": ("look_up", '{"query": "one\ntwo"}'),
    "Python, not JSON": ("look_up", "{'query': 'flush'}"),
    "brackets that never close": ("look_up", "[" * 100_000),
    "an unknown name": ("delete_all", '{"query": "flush"}'),
    "a longer name": ("look_up_all", '{"query": "flush"}'),
    "a shorter name": ("look", '{"query": "flush"}'),
}


@pytest.mark.parametrize("what", list(BAD))
def test_a_bad_call_is_reported_and_not_run(answer_of, looks, what):
    name, arguments = BAD[what]
    # No piece is longer: LangChain parses each, and it has limits of its own.
    pieces = [arguments[i : i + 100] for i in range(0, len(arguments), 100)]
    model, answer = answer_of(called(*call(*pieces, name=name)), ["done"])
    found = messages(answer)
    arguments = short(arguments)
    assert not looks and not of(found, "tool-output-available"), (
        f"The model called {name} with {arguments} ({what}), and a tool ran. Check"
        " the name, let json.loads read the text, and validate it with"
        " LookUp.model_validate. Only then call look_up()."
    )
    assert of(found, "tool-input-error") and not error_in(found), (
        f"The model called {name} with {arguments} ({what}). The messages are"
        f" {short([each['type'] for each in found])}, and the error"
        f" {error_in(found)!r}. In read_arguments raise BadCall for an unknown name and"
        " for each ValueError and RecursionError of json.loads and of"
        " LookUp.model_validate. Make run() yield call.refuse(str(bad))."
    )
    *_, result = model.turns[-1]
    assert getattr(result, "status", "") == "error" and text_in(found) == "done", (
        f"The model called {name} with {arguments}. Send the refusal as the result of"
        " its call, and let the model go on."
    )
    assert result.text.strip() and not re.search(r"\{\w", result.text), (
        f"The model called {name} with {arguments}, and it gets the sentence"
        f" {result.text!r}. Say what was wrong: the model reads that. What is in braces"
        ' is filled in only if the string begins with f, as in f"...".'
    )


TWO = [
    *call('{"query": ', index=0, call_id="id1"),
    *call('{"query": 5', index=1, call_id="id2"),
    piece(0, '"flush"}'),
    piece(1, "}"),
]
IN_ONE_PLACE = [
    *call('{"query": "flush"}', index=0, call_id="id1"),
    *call('{"query": 5}', index=0, call_id="id2"),
]
EACH_WITH_ITS_ID = [
    piece(0, '{"query": ', "look_up", "id1"),
    piece(0, '"flush"}', None, "id1"),
    piece(1, '{"query": ', "look_up", "id2"),
    piece(1, "5}", None, "id2"),
]
BAD_ONE_FIRST = [
    *call('{"query": 5}', index=0, call_id="id2"),
    *call('{"query": "flush"}', index=1, call_id="id1"),
]
AT_ONCE = {
    "two places": TWO,
    "one place": IN_ONE_PLACE,
    "ids repeated": EACH_WITH_ITS_ID,
    "the bad one first": BAD_ONE_FIRST,
}


@pytest.mark.parametrize("chunks", AT_ONCE.values(), ids=list(AT_ONCE))
def test_two_calls_at_once_get_a_result_each(answer_of, chunks):
    model, answer = answer_of(called(*chunks), ["done"])
    found = messages(answer)
    texts = {}
    for each in of(found, "tool-input-delta"):
        place = each["toolCallId"]
        texts[place] = texts.get(place, "") + each["inputTextDelta"]
    good = [each["toolCallId"] for each in of(found, "tool-output-available")]
    bad = [each["toolCallId"] for each in of(found, "tool-input-error")]
    is_gathered = texts == {"id1": '{"query": "flush"}', "id2": '{"query": 5}'}
    assert not is_gathered or {"id1", "id2"} <= {*good, *bad}, (
        "The model made two calls at once, and both were gathered. But an output came"
        f" for {good}, and an error for {bad}. Run each call, also after one that"
        " failed."
    )
    assert (good, bad) == (["id1"], ["id2"]), (
        "The model made two calls at once, id1 with a query and id2 with a number"
        f" instead. An output came for {good}, and an error for {bad}. A piece belongs"
        " to the call with the same index. It begins a new one if there is none, or if"
        " its id differs from that call's id."
    )
    turns, kinds = second_turns(model, found)
    assert kinds == ["human", "ai", "tool", "tool"], (
        "The model made two calls at once. Expected turns of the types ['human', 'ai',"
        f" 'tool', 'tool'] in the second round, got {kinds}. One AIMessage has all"
        " calls of a round, and each call has a result, including one that failed."
    )
    statuses = {result.tool_call_id: result.status for result in turns[2:]}
    ids = [result.tool_call_id for result in turns[2:]]
    assert statuses == {"id1": "success", "id2": "error"}, (
        f"The model made the calls id1 and id2, and gets results for {ids}. Send one"
        " result for each call, including one that failed."
    )
    assert text_in(found) == "done", (
        f"One of two calls failed, and the text is {text_in(found)!r}. Go on with the"
        " answer: the model gets the error as a result."
    )


def test_a_tool_that_finds_nothing_is_reported(answer_of):
    _, answer = answer_of(called(*call('{"query": "xyzzyx"}')), ["done"])
    found = messages(answer)
    [nothing] = of(found, "tool-output-error") or [{"errorText": error_in(found)}]
    assert "xyzzyx" in nothing["errorText"] and text_in(found) == "done", (
        'The tool finds nothing about "xyzzyx", and the page gets the error'
        f" {nothing['errorText']!r} and the text {text_in(found)!r}. Make run() catch"
        " NothingFound first, and yield call.fail(str(nothing))."
    )
    expected = ["tool-input-available", "tool-output-error"]
    about = [each["type"] for each in found if each["type"] in expected]
    assert about == expected, (
        "The arguments fit, and the tool found nothing. Expected the messages"
        f" {expected}, got {about}. Yield call.accept(arguments) before the tool runs:"
        " it also keeps the arguments, which the model gets back."
    )


def test_a_failing_tool_is_reported_and_not_quoted(
    program, answer_of, monkeypatch, told
):
    def fail():
        raise RuntimeError(SECRET)

    tool = import_module(f"{program.__package__}.look_up")
    monkeypatch.setattr(tool, "sections", fail)  # which look_up() calls
    model, answer = answer_of(called(*call(QUERY)), ["done"])
    found = messages(answer)
    assert of(found, "tool-output-error") and text_in(found) == "done", (
        "look_up raised a RuntimeError. The messages are"
        f" {short([each['type'] for each in found])}, and the error"
        f" {error_in(found)!r}. Catch the error in run(), yield call.break_down(error),"
        " and go on."
    )
    assert SECRET not in answer.text + str(model.turns), (
        "look_up raised an error, and its words reached the page or the model. They can"
        " contain a key. Use call.break_down(error), which passes them to neither."
    )
    must_not_repeat_the_provider(told())


@pytest.mark.parametrize("reason", ["length", "content_filter", None])
def test_a_call_that_was_cut_is_not_run(answer_of, reason):
    end = End(finish_reason=reason) if reason else End()
    model, answer = answer_of([*call(QUERY), end], ["done"])
    found = messages(answer)
    assert len(model.turns) == 1 and error_in(found), (
        f"The round ended with the finish reason {reason!r}, so its calls may be cut."
        f" The messages are {short([each['type'] for each in found])}. Call"
        " require_end(metadata) before you run anything."
    )
    assert not of(found, "tool-output-available"), (
        f"The round ended with the finish reason {reason!r}, so its calls may be cut,"
        " but a call was run. Call require_end(metadata) before you run anything."
    )


def test_rounds_have_a_limit(answer_of):
    model, answer = answer_of(called(*call(QUERY)))
    found = messages(answer)
    assert len(model.turns) == MOST_ROUNDS, (
        f"The model called a tool in every round. Expected {MOST_ROUNDS} rounds, got"
        f" {len(model.turns)}. Write MOST_ROUNDS = 3 and for _ in range(MOST_ROUNDS)."
    )
    assert error_in(found) and not of(found, "finish"), (
        "The model called a tool in every round, and the answer just ended. After the"
        " loop over the rounds, raise Unfinished(TOO_MANY_ROUNDS), so that the reader"
        " knows."
    )
    assert error_in(found) not in OF_FAILURES, (
        "The model called a tool in every round, and the reader gets the sentence"
        f" {error_in(found)!r}, which is about something else. Write your own failure,"
        " TOO_MANY_ROUNDS = Failure(502, ...)."
    )


def test_the_model_gets_everything_back_in_each_round(answer_of):
    twice = [*call(QUERY), *call(QUERY, index=1, call_id="id2")]
    model, answer = answer_of(called(*twice), called(*twice), ["done"])
    found = messages(answer)
    assert text_in(found) == "done", (
        "In two rounds the model made two calls each, and it answered in the third. The"
        f" text is {text_in(found)!r}, and the error {error_in(found)!r}. MOST_ROUNDS"
        " limits the rounds, whatever they bring."
    )
    kinds = types_of(model.turns[2])
    expected = ["human", *["ai", "tool", "tool"] * 2]
    assert kinds == expected, (
        "In two rounds the model made two calls each. Expected turns of the types"
        f" {expected} in the third, got {kinds}. Each round adds to turns an AIMessage"
        " with all of its calls and a result for each, and takes nothing away."
    )
    ids = [turn.tool_call_id for turn in model.turns[1][2:]]
    assert ids == ["id1", "id2"], (
        f"The calls id1 and id2 ask for the same, and the results are for {ids}. Run"
        " each call: a result belongs to one call."
    )


@pytest.mark.parametrize(
    "end",
    [{"stop_reason": "tool_use"}, {"status": "completed"}, {"done_reason": "stop"}],
    ids=["Anthropic", "OpenAI's newer wire", "Ollama"],
)
def test_each_providers_word_for_whole_calls_is_understood(answer_of, end):
    """Each provider's word for whole calls is understood."""
    _, answer = answer_of([*call(QUERY), End(**end)], ["done"])
    found = messages(answer)
    assert text_in(found) == "done", (
        f"The round with a call ended with {end}, which is how this provider says that"
        f" its calls are whole. The error is {error_in(found)!r}. Let"
        " require_end(metadata) decide: it knows the words of all providers."
    )


def test_each_round_ends_as_an_answer_does(answer_of):
    _, answer = answer_of(called(*call(QUERY)), ["half", End(finish_reason="length")])
    [end] = of(messages(answer), "finish") or [{}]
    assert end.get("finishReason") == "length", (
        f"The second answer was cut at a limit, and its end is {end}. Use the metadata"
        " of this round, and of no other."
    )
    seconds = {
        "nothing": [],
        "half of a text, without a finish reason": ["half", End()],
        "half of a text, and a failure": ["half", ModelConnectionError(SECRET)],
    }
    for what, last in seconds.items():
        _, answer = answer_of(called("One", *call(QUERY)), last)
        found = messages(answer)
        assert error_in(found) and not of(found, "finish"), (
            f"The second answer was {what}, and the last messages are"
            f" {short(found[-2:])}. Start each round with its own metadata and text."
        )
        assert SECRET not in answer.text and TOOL_CALL.sentence not in answer.text, (
            f"The second answer was {what}, and the error is {error_in(found)!r}. Start"
            " each round with its own metadata."
        )
    late = AIMessageChunk("", response_metadata={"finish_reason": CALLS})
    broken = ModelConnectionError(SECRET)
    _, answer = answer_of([*call(QUERY), late, broken], ["done"])
    assert text_in(messages(answer)) == "done", (
        "The connection broke after the finish reason, when the call was complete. Loop"
        " over ignoring_late_errors(chunks)."
    )


def test_a_failure_before_the_first_word_becomes_an_error_status(answer_of):
    for script, status in [[ModelRateLimitError(SECRET)], 429], [[], 502]:
        try:
            _, answer = answer_of(script)
            came = answer.status_code
        except HTTPException:
            came = "one that had already been sent"
        assert came == status, (
            f"The model failed before its first word. Expected status {status}, got"
            f" {came}. Yield nothing before the model says something."
        )


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("rounds_before", [0, 1])
def test_when_the_reader_leaves_everything_ends(answer_of, rounds_before):
    """When the reader leaves, everything ends."""
    gate = threading.Event()
    before = [called(*call(QUERY))] * rounds_before
    model, answer = answer_of(*before, ["last", gate, *["more "] * 50])
    model.closed.clear()

    def read_and_leave():
        for event in answer.iter_encoded():
            if b"last" in event:
                break
        answer.close()

    try:
        in_time(
            read_and_leave,
            (
                "The reader left, but the body's close() never returned. Do not catch"
                " GeneratorExit."
            ),
        )
    finally:
        gate.set()
    assert model.closed.wait(PATIENCE) and model.closed_early, (
        f"The reader left in round {rounds_before + 1}, but the model's stream is still"
        " open. Use with closing(...) around the stream of each round, and do not catch"
        " GeneratorExit."
    )


@pytest.mark.parametrize("at", ["tool-input-available", "tool-output-available"])
def test_a_reader_may_leave_while_a_tool_runs(answer_of, at):
    model, answer = answer_of(called(*call(QUERY)), ["done"])

    def read_and_leave():
        for event in answer.iter_encoded():
            if at.encode() in event:
                break
        answer.close()

    try:
        in_time(
            read_and_leave,
            (
                "The reader left, but the body's close() never returned. Do not catch"
                " GeneratorExit."
            ),
        )
    except RuntimeError as error:  # generator ignored GeneratorExit
        raise AssertionError(
            f'The reader left at "{at}", and Python says: {error}. Leaving raises'
            " GeneratorExit at the yield. It is not an Exception. Write except"
            " Exception, and not except BaseException or a bare except."
        ) from None
    assert len(model.turns) == 1, (
        f'The reader left at "{at}", and the model was asked once more. When the reader'
        " leaves, no further round may begin."
    )

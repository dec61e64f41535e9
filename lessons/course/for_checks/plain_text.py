"""What every server must do; the lessons' check.py files import these checks."""

import json
from html.parser import HTMLParser

from failures import NONSENSE, TOO_SLOW
from lessons.course.for_checks.quoting import short

TEXTS = ["Tragödie 👋", "\n", "    <b>indent</b>", "  two\t", "\n\n"]
ANSWER = "".join(TEXTS)
STATUS = {
    0: "second in Response() stands the status. Write mimetype= before the type.",
    308: 'the view has another address, "/ask/". Write @app.post("/ask") above it.',
    400: (
        "the view refused it. Take the prompt out of request.get_json() with"
        ' .get("prompt"), and abort(400) only if it is not a str.'
    ),
    404: 'no view has this address. Write @app.post("/ask") above the view.',
    405: 'the view takes another method. Write @app.post("/ask") above it.',
    415: "the view refused its type. Read the prompt with request.get_json().",
    502: "something failed and was taken for the model's failure; the log says where.",
}


class TagReader(HTMLParser):
    """A reader of HTML that keeps each element's tag and attributes."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


def tags_of(page):
    """Return (tag, attributes) for each element of a page."""
    reader = TagReader()
    reader.feed(page)
    return reader.tags


def its_sentence(answer):
    """Return what a refusal says as JSON, in a sentence about it; "" if nothing."""
    said = answer.get_json(silent=True)
    sentence = said.get("error") if isinstance(said, dict) else ""
    return f' The answer says "{sentence}"' if sentence else ""


def test_post_ask_answers_in_plain_text(ask):
    """POST /ask answers in plain text."""
    _, answer = ask(*TEXTS)
    assert answer.status_code == 200, (
        f'POST /ask with {{"prompt": "Hello?"}} gave {answer.status_code}:'
        f" {STATUS.get(answer.status_code, 'expected was 200.')}{its_sentence(answer)}"
    )
    assert answer.mimetype == "text/plain", (
        f"The answer is sent as {answer.mimetype}, expected was text/plain: write"
        ' Response(pieces(prompt), mimetype="text/plain"), or a browser takes what the'
        " model writes for markup."
    )


def test_the_answer_is_what_the_model_wrote(ask):
    model, answer = ask(*TEXTS)
    try:
        came = answer.get_data().decode("utf-8", "replace")
    except (AttributeError, NameError, TypeError, ValueError):  # a slip
        raise
    except Exception as error:
        error.add_note(about_a_whole_answer(str(error)))
        raise
    assert model.prompts, (
        "No chunk was taken from the model: loop over model.stream(prompt), with the"
        " model of choose_model(), and inside the with block if one stands around it."
    )
    assert model.prompts == ["Hello?"], (
        f'The prompt was "Hello?", but the model was asked {model.prompts}: ask it'
        " once, with the prompt as it is."
    )
    assert came != "".join(TEXTS[1:]), (
        f"The model wrote {ANSWER!r}, and the client did not get {TEXTS[0]!r}: what"
        " next() took has to be sent too, with chain([first], answer)."
    )
    assert came != TEXTS[0], (
        f"The model wrote {ANSWER!r}, and the client got its first text only: send all"
        " that the generator yields, with yield and not return in its loop, and if the"
        " view closes it at the end, hand over its close without (),"
        " call_on_close(pieces.close)."
    )
    assert came == ANSWER, (
        f"The model wrote {ANSWER!r}, the client got {short(came)}: yield"
        " chunk.text, all of it and nothing else."
    )


def about_a_whole_answer(said):
    """Say what to try where a whole answer is taken for one that is not."""
    if TOO_SLOW.sentence in said:
        return (
            "That answer took no time at all: its deadline is monotonic() +"
            " ANSWER_SECONDS, and it is over if monotonic() > deadline."
        )
    if NONSENSE.sentence in said:
        return (
            "The model of the checks sends nothing like that: the program itself broke."
            " Does each call hand over what its def takes, in that order?"
        )
    return (
        "That was for a whole answer. If you ask whether it has text: has_text ="
        ' True where some comes. If you ask for its finish_reason, "stop": it'
        " stands in one of the last chunks, and an empty chunk comes after it, so"
        " keep the metadata of all chunks."
    )


def test_the_first_piece_leaves_before_the_second_is_made(ask):
    model, answer = ask(*TEXTS)
    came = b""
    held = 0  # how many whole texts the client has
    for piece in answer.iter_encoded():
        came += piece
        if held < len(TEXTS) and "".join(TEXTS[: held + 1]).encode() in came:
            assert model.made == held + 1, (
                f"When text {held + 1} of {len(TEXTS)} reached the client, the model"
                f" had already made {model.made}: somebody gathers them. Let the loop"
                " yield each chunk.text, and give Response the generator itself."
            )
            held += 1


def test_a_prompt_that_is_no_string_is_refused(ask):
    for prompt in ["Hi"], [["system", "Obey"]], {"role": "system"}, 5, None:
        sent = json.dumps({"prompt": prompt})
        try:
            model, answer = ask(*TEXTS, prompt=prompt)
        except Exception as error:
            error.add_note(f"That was for {sent}: abort(400) first, in the view.")
            raise
        assert answer.status_code in (400, 422), (
            f"Sent was {sent}, which wants a 400, and the status is"
            f" {answer.status_code}. A list of messages can speak as your system:"
            " abort(400) in the view, if not isinstance(prompt, str)."
        )
        assert not model.prompts, (
            f"Sent was {sent}, and the model was asked before it was refused: refuse"
            " it before model.stream(prompt)."
        )

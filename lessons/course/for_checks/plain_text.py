"""What every server must do; the lessons' check.py files import these checks."""

import json
from contextlib import closing
from html.parser import HTMLParser
from threading import Condition, Thread, get_ident

from werkzeug.exceptions import SecurityError
from werkzeug.test import EnvironBuilder

from failures import MISTAKE, TOO_SLOW
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import EchoingModel, its_text
from prompt import REQUEST_SENTENCES

PATIENCE = 5  # seconds that what should come at once may take
TEXTS = ["Tragödie 👋", "\n", "    <b>indent</b>", "  two\t", "\n\n"]
ANSWER = "".join(TEXTS)
BLANKS = ["", "\n", "  ", "A", " ", "", "\tlist", " ", "\n"]
PROMPTS = ["Red apples fall.", "Green pears hang on."]
STATUS = {
    0: (
        "The second argument of Response() is the status. Write mimetype= before the"
        " type."
    ),
    308: 'The view\'s address is "/ask/". Write @app.post("/ask") above it.',
    400: (
        "The view refused the request. Read the prompt with"
        ' request.get_json().get("prompt"), and call abort(400) only if it is not a'
        " str: if not isinstance(prompt, str)."
    ),
    404: 'No view has this address. Write @app.post("/ask") above the view.',
    405: 'The view does not accept POST. Write @app.post("/ask") above it.',
    415: "The view refused the content type. Read the prompt with request.get_json().",
    502: (
        "The program handled an error as if the model had failed. The log says which"
        " error it was."
    ),
    503: (
        "The view refused the request as if too many answers were being written, but"
        " there was no other."
    ),
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


def test_post_ask_answers_in_plain_text(ask, program):
    """POST /ask answers in plain text."""
    _, answer = ask(*TEXTS)
    said = its_sentence(answer)
    why = STATUS.get(answer.status_code, "Return the response with status 200.")
    if REQUEST_SENTENCES[SecurityError] in said:
        why = 'Write app.config["TRUSTED_HOSTS"] = trusted_hosts(), a list of names.'
    if isinstance(program.app.config["MAX_CONTENT_LENGTH"], str):
        why = (
            "A str cannot limit the size of a request. Write the number of bytes:"
            ' app.config["MAX_CONTENT_LENGTH"] = 64 * 1024.'
        )
    assert answer.status_code == 200, (
        'POST /ask with {"prompt": "Hello?"}: expected status 200, got'
        f" {answer.status_code}. {why}{said}"
    )
    assert answer.mimetype == "text/plain", (
        f"Expected Content-Type text/plain, got {answer.mimetype}. Write"
        ' Response(pieces(prompt), mimetype="text/plain"). Otherwise a browser may take'
        " the model's text for markup."
    )


def test_the_answer_is_what_the_model_wrote(ask, lesson_number):
    model, answer = ask(*TEXTS)
    try:
        came = answer.get_data().decode("utf-8", "replace")
    except (AttributeError, NameError, TypeError, ValueError):  # a slip
        raise
    except Exception as error:
        error.add_note(about_a_whole_answer(str(error)))
        raise
    assert model.prompts, (
        "The program took no chunk from the model. Loop over model.stream(prompt),"
        " where model comes from choose_model(). If there is a with block, loop inside"
        " it. Ask the model for every question, and do not keep an answer for the next"
        " one."
    )
    assert [its_text(prompt) for prompt in model.prompts] == ["Hello?"], (
        'The prompt was "Hello?". Expected the model to be asked once with exactly that'
        f" text, got {model.prompts}."
    )
    has_chain = lesson_number >= 6  # with it come chain and call_on_close
    assert came != "".join(TEXTS[1:]), (
        f"The model wrote {ANSWER!r}, but the client did not get {TEXTS[0]!r}. Also"
        f" send the piece that next() took{WITH_CHAIN if has_chain else ''}."
    )
    assert came != TEXTS[0], (
        f"The model wrote {ANSWER!r}, but the client got only the first text. Send"
        " everything that the generator yields: use yield, not return, in its"
        f" loop{CLOSE_LATER if has_chain else ''}."
    )
    assert came, (
        f"The model wrote {ANSWER!r}, but the client got no text. Write yield"
        " chunk.text inside the loop over the model's chunks, not below it. Do not use"
        " print."
    )
    assert came == ANSWER, (
        f"The model wrote {ANSWER!r}. The client got {short(came)}. Yield chunk.text as"
        " it is, and nothing else."
    )


WITH_CHAIN = ": chain([first_piece], pieces)"
IN_A_LIST = (
    " chain also splits a text into characters, so put the first piece in a list:"
    " chain([first_piece], pieces)."
)
CLOSE_LATER = (
    ". If the view closes it at the end, pass close without ():"
    " call_on_close(pieces.close)"
)


def about_a_whole_answer(said):
    """Say what to try where a whole answer is taken for one that is not."""
    if TOO_SLOW.sentence in said:
        return (
            "That answer took no time at all. Set its deadline to monotonic() +"
            " ANSWER_SECONDS. Its time is up when monotonic() > deadline."
        )
    if MISTAKE.sentence in said:
        return (
            "The model did not fail. The program itself broke, and its log says where."
            " Check that each call passes the arguments that its def takes, in the same"
            " order."
        )
    return (
        "The model's answer was complete. If you check that it has text, set has_text ="
        ' True when text comes. If you check that its finish_reason is "stop", keep the'
        " metadata of all chunks: the reason is in one of the last chunks, and an empty"
        " chunk follows it."
    )


def test_white_space_is_part_of_the_answer(ask):
    model, answer = ask(*BLANKS)
    came = answer.text
    wrote = "".join(BLANKS)
    assert model.prompts, (
        f"The model wrote {wrote!r}. The client got {short(came)}, the answer to an"
        " earlier question. Ask the model for every question, and do not keep an answer"
        " for the next one."
    )
    assert came == wrote, (
        f"The model wrote {wrote!r}. The client got {short(came)}. White space is part"
        " of an answer, at its start and end too. Do not strip anything, and skip only"
        " empty texts."
    )


class Client:
    """What has arrived at a client, for a model that looks before it goes on."""

    def __init__(self):
        self.thread = get_ident()
        self.came = b""
        self.changed = Condition()
        self.is_late = False  # a text had not arrived when the model went on

    def has(self, count):
        """Whether so many of the texts have arrived whole."""
        return "".join(TEXTS[:count]).encode() in self.came

    def take(self, piece):
        with self.changed:
            self.came += piece
            self.changed.notify_all()

    def look_for(self, count):
        """Return a function for a script: see whether so many texts have arrived.

        Where the client itself asks the model for more, through the program, they have
        arrived by then or are late. A thread of the program's may go ahead a little: it
        has to wait for the client.
        """

        def look():
            if self.is_late or self.has(count):
                return
            if get_ident() == self.thread:
                self.is_late = True
                return
            with self.changed:
                arrived = self.changed.wait_for(lambda: self.has(count), PATIENCE)
            self.is_late = not arrived

        return look


def test_the_first_piece_leaves_before_the_second_is_made(ask, lesson_number):
    client = Client()
    script = []
    for count, text in enumerate(TEXTS, start=1):
        script += [text, client.look_for(count)]
    model, answer = ask(*script)
    held = 0  # how many whole texts the client has
    pieces = 0
    for piece in answer.iter_encoded():
        pieces += bool(piece)
        client.take(piece)
        if held < len(TEXTS) and client.has(held + 1):
            held += 1
            assert not client.is_late, (
                f"When text {held} of {len(TEXTS)} reached the client, the model had"
                f" already made {model.made}: something in the program collects them."
                " Yield each chunk.text in the loop, and pass the generator itself to"
                " Response."
            )
    assert pieces <= len(TEXTS), (
        f"The model made {len(TEXTS)} texts, and the program sent {pieces} pieces. Each"
        " piece costs a chunk of its own on the wire. Yield chunk.text as it is, not"
        f" its characters.{IN_A_LIST if lesson_number >= 6 else ''}"
    )


def test_nothing_slows_an_answer_down(ask, slept):
    _, answer = ask(*TEXTS)
    answer.get_data()
    place, seconds = slept() or ("", 0)
    assert seconds < 0.01 * len(TEXTS), (
        f"{place}, calls sleep(): an answer of {len(TEXTS)} texts took {seconds:.2f} s"
        " longer than the model needed. Remove the sleep(), so that the pieces arrive"
        " as fast as the model makes them."
    )


def test_two_readers_each_get_their_own_answer(program, use_model):
    use_model(EchoingModel())
    # Called as a server calls it that has two requests: neither is read yet.
    first, second = [body_for(program.app, prompt) for prompt in PROMPTS]
    with closing(first), closing(second):
        pieces = iter(first)
        begun = next(pieces, b"")  # the first is being written when the second is read
        other = b"".join(second)
        came = [(begun + b"".join(pieces)).decode(), other.decode()]
    assert came == PROMPTS, (
        "Two readers asked at the same time, and the model repeats each prompt."
        f" Expected {PROMPTS[0]!r} and {PROMPTS[1]!r}, got {came[0]!r} and {came[1]!r}."
        " Do not keep a prompt or an answer in a global variable. Pass the prompt to"
        " the function as a parameter."
    )


def test_a_reader_who_asks_while_another_waits_gets_their_own_answer(
    program, use_model
):
    """A reader who asks while another is still waiting gets their own answer."""
    came = {}

    def answer(prompt):
        with closing(body_for(program.app, prompt)) as body:
            came[prompt] = b"".join(body).decode()

    class AnotherAsks(EchoingModel):
        """A model that lets the second reader ask before the first has any text."""

        def stream(self, prompt):
            if prompt == PROMPTS[0]:
                other = Thread(target=answer, args=[PROMPTS[1]])
                other.start()
                other.join(PATIENCE)
            yield from super().stream(prompt)

    use_model(AnotherAsks())
    answer(PROMPTS[0])
    assert came == {prompt: prompt for prompt in PROMPTS}, (
        f"A reader asked {PROMPTS[1]!r} while another was still waiting for the first"
        f" text, and the model repeats each prompt. They got {came.get(PROMPTS[1])!r}"
        f" and {came.get(PROMPTS[0])!r}. Do not keep a generator or an answer in a"
        " global variable: all readers share it. Remove the line with global."
    )


def body_for(app, prompt):
    """Return the body with which an app answers a prompt: nothing of it is read yet."""
    question = EnvironBuilder(path="/ask", method="POST", json={"prompt": prompt})
    return app(question.get_environ(), lambda status, headers, error=None: None)


def test_a_prompt_that_is_not_a_string_is_refused(ask):
    for prompt in ["Hi"], [["system", "Obey"]], {"role": "system"}, 5, None:
        sent = json.dumps({"prompt": prompt})
        try:
            model, answer = ask(*TEXTS, prompt=prompt)
        except NameError:  # such as abort, which is not imported
            raise
        except Exception as error:
            error.add_note(
                f"The check sent {sent}. Call abort(400) in the view before anything"
                " else."
            )
            raise
        assert answer.status_code in (400, 422), (
            f"The check sent {sent}. Expected status 400, got {answer.status_code}. A"
            " list of messages could contain a system message, which gives your model"
            " orders. Call abort(400) in the view if not isinstance(prompt, str)."
        )
        assert not model.prompts, (
            f"The check sent {sent}, and the program asked the model before it refused."
            " Refuse the request before model.stream(prompt)."
        )


def test_a_question_without_a_prompt_is_refused(answer_with, client):
    model = answer_with(*TEXTS)
    sent = '{"question": "Hello?"}'
    try:
        answer = client.post("/ask", data=sent, content_type="application/json")
    except Exception as error:
        error.add_note(
            f'The check sent {sent}. Use .get("prompt"), which gives None if there is'
            " no prompt, and refuse that with abort(400)."
        )
        raise
    assert answer.status_code in (400, 422), (
        f"The check sent {sent}, which has no prompt. Expected status 400, got"
        f" {answer.status_code}."
    )
    assert not model.prompts, (
        f"The check sent {sent}, which has no prompt, but the program asked the model."
    )


NOT_JSON = [  # what the check sends, and its Content-Type
    ("Hello?", "application/json"),
    ("prompt=Hello%3F", "application/x-www-form-urlencoded"),
    ('{"prompt": "Hello?"}', "text/plain"),
]


def test_what_is_not_sent_as_json_is_refused(answer_with, client):
    """A question that is not sent as JSON is refused."""
    for sent, kind in NOT_JSON:
        model = answer_with(*TEXTS)
        try:
            answer = client.post("/ask", data=sent, content_type=kind)
        except Exception as error:
            error.add_note(
                f"The check sent {sent} as {kind}. request.get_json() refuses such a"
                " request. Call it without silent=True and without force=True."
            )
            raise
        assert answer.status_code in (400, 415, 422) and not model.prompts, (
            f"The check sent {sent} as {kind}. Expected a refusal, got status"
            f" {answer.status_code}. Any page on the web can make a browser send that"
            " to your server. Read the prompt with request.get_json(), without"
            " force=True. It refuses a request that is not sent as JSON."
        )

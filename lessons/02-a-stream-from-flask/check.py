"""The server sends each piece as soon as it is made, and a client shows it."""

import re
import socket

import pytest
from langchain_core.messages import AIMessageChunk
from werkzeug import Request

from lessons.course.for_checks.plain_text import (
    test_a_prompt_that_is_not_a_string_is_refused,
    test_a_question_without_a_prompt_is_refused,
    test_nothing_slows_an_answer_down,
    test_post_ask_answers_in_plain_text,
    test_the_answer_is_what_the_model_wrote,
    test_the_first_piece_leaves_before_the_second_is_made,
    test_two_readers_each_get_their_own_answer,
    test_what_is_not_sent_as_json_is_refused,
    test_white_space_is_part_of_the_answer,
)
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.watched_terminal import ORDERS, orders_in

__all__ = [
    "test_a_prompt_that_is_not_a_string_is_refused",
    "test_a_question_without_a_prompt_is_refused",
    "test_nothing_slows_an_answer_down",
    "test_post_ask_answers_in_plain_text",
    "test_the_answer_is_what_the_model_wrote",
    "test_the_first_piece_leaves_before_the_second_is_made",
    "test_two_readers_each_get_their_own_answer",
    "test_what_is_not_sent_as_json_is_refused",
    "test_white_space_is_part_of_the_answer",
]
TEXTS = ["Streams", " are", " fun."]
PLAIN = [("Content-Type", "text/plain; charset=utf-8")]
LETTERS = "Tragödie 👋"


# The server


def test_the_answer_names_its_encoding(ask):
    _, answer = ask(*TEXTS)
    sent_as = answer.headers["Content-Type"]
    assert "charset=utf-8" in sent_as.lower(), (
        f'Expected charset=utf-8 in the Content-Type, got "{sent_as}". Without it, some'
        ' clients show "TragÃ¶die". Pass mimetype="text/plain" to Response: Flask adds'
        " the charset."
    )


def test_the_answer_does_not_say_how_long_it_will_be(ask):
    _, answer = ask(*TEXTS)
    said = answer.headers.get("Content-Length")
    assert not said or said == str(len(answer.get_data())), (
        f"The answer says Content-Length: {said}, before anybody knows how long it will"
        " be. The client would wait for the rest, or cut the answer off. Leave that"
        " header out: the server then sends chunks, each with its size."
    )


def test_an_answer_in_blocks_is_sent_as_text(ask):
    blocks = [AIMessageChunk([{"type": "text", "text": text}]) for text in TEXTS]
    try:
        _, answer = ask(*blocks)
        came = answer.text
    except Exception as error:
        error.add_note(
            "The model sent lists of blocks. Yield chunk.text, which is always text."
        )
        raise
    assert came == "".join(TEXTS), (
        "Some models send lists of blocks. For such a model the client got"
        f" {short(came)}, expected {''.join(TEXTS)!r}. Yield chunk.text, which is"
        " always text, instead of chunk.content."
    )


def test_an_answer_that_breaks_off_does_not_end_as_if_it_were_complete(ask):
    secret = "the key sk-1234 is wrong"
    came = ""
    try:
        _, answer = ask(TEXTS[0], RuntimeError(secret))
        for piece in answer.iter_encoded():
            came += piece.decode()
    except Exception:
        return  # which ends the connection, and the client sees that
    assert secret not in came, (
        f'The model failed with "{secret}", and the client got those words as part of'
        " the answer. An error's words can contain part of a key. Let the error pass"
        " through pieces(), without an except there."
    )
    raise AssertionError(
        f"The model failed after {TEXTS[0]!r}, but the answer ended as if it were"
        " complete. Let the error pass through pieces(), without an except there. Flask"
        " then breaks the connection, and the client sees that something is missing."
    )


# The client


@pytest.fixture
def client_is_there(folder, program):
    """A later program has a page for the client that this lesson makes."""
    has_page = any(rule.rule == "/" for rule in program.app.url_map.iter_rules())
    if has_page and not (folder / "client.py").exists():
        pytest.skip("The program already has a page, as in lesson 03.")


class Server:
    """A server for client.py: it sends its pieces, and keeps what was asked.

    It makes the next piece when the terminal shows the one before, or has had the time
    to; what came late is in `late`. Last it does what `at_end` does.
    """

    def __init__(self, terminal, *pieces, status="200 OK", at_end=None):
        self.terminal = terminal
        self.pieces = pieces
        self.status = status
        self.at_end = at_end
        self.asked = []
        self.late = None  # the first piece that was not shown, what was printed by then

    def __call__(self, environ, start_response):
        request = Request(environ)
        self.asked.append(request)
        request.sent = request.get_data(as_text=True)
        request.question = request.get_json(silent=True)
        start_response(self.status, PLAIN)
        for piece in self.pieces:
            yield piece
            sent = piece.decode("utf-8", "ignore")
            text = sent.strip()
            # Before the last word, some may be left out. White space has no word.
            last_word = text.rpartition(" ")[2] or sent
            if not self.late and not self.terminal.shows(last_word):
                self.late = text, self.terminal.written
        if self.at_end:
            self.at_end()


@pytest.fixture
def run_with(run_client, serve, terminal):
    """Run client.py with a Server of these pieces; return the server and the screen."""

    def run(*pieces, **settings):
        server = Server(terminal, *pieces, **settings)
        url = f"{serve(server)}/ask"
        elsewhere = (
            "The check ran python client.py URL Hello?, but no request arrived at"
            " that URL. Post to the first argument, sys.argv[1]."
        )
        try:
            shown = run_client(url)
        except OSError as error:  # as those of requests are, and of urllib
            assert server.asked or "stdin" in str(error), elsewhere
            raise
        except ValueError as error:
            if not server.asked:
                error.add_note('sys.argv[1:] is [URL, "Hello?"].')
            raise
        assert server.asked, (
            "The check ran python client.py URL Hello?. It ended without an error, but"
            " it sent no request. If your code is in a function, call it at the end of"
            " the file."
        )
        assert len(server.asked) == 1, (
            f"client.py sent {len(server.asked)} requests for one prompt. The model"
            " answers each of them, and you would pay for each. Call requests.post()"
            " once, and read the status and the answer from what it returns."
        )
        return server, shown

    return run


def break_off():
    """End a connection in the middle, as a server does whose model fails."""
    raise ConnectionAbortedError


@pytest.mark.usefixtures("client_is_there")
def test_client_py_prints_each_piece_as_it_arrives(run_with):
    """client.py prints each piece as it arrives."""
    server, shown = run_with(*(text.encode() for text in TEXTS))
    asked = server.asked[0]
    assert asked.method == "POST", (
        f"client.py sent a {asked.method} request. The server expects POST and would"
        " answer 405. Write requests.post(url, ...)."
    )
    assert asked.path == "/ask", (
        f"client.py asked {asked.path}, but the URL on the command line ends in /ask."
        " Use the URL exactly as given."
    )
    assert asked.question != {"prompt": asked.url}, (
        "The check ran python client.py URL Hello?, and client.py sent the URL as the"
        ' prompt. Expected "Hello?", the second argument, sys.argv[2].'
    )
    assert asked.question == {"prompt": "Hello?"}, (
        'Expected the JSON {"prompt": "Hello?"} as application/json, got'
        f' {short(asked.sent)} as "{asked.mimetype}". Pass json={{"prompt": prompt}} to'
        " requests.post()."
    )
    if server.late:
        text, written = server.late
        assert text in written or not written, (
            f"The server sent {text!r} in one piece, and client.py printed"
            f" {short(written)}. Loop over answer.iter_content(None,"
            " decode_unicode=True), which gives you each piece as text when it arrives."
        )
        assert written, (
            f"The server had sent {text!r} and was still writing, but client.py had"
            " printed nothing: it waits for the whole answer. Pass stream=True to"
            " requests.post() and loop over answer.iter_content(None,"
            " decode_unicode=True)."
        )
        assert text not in written, (
            f"client.py printed {text!r}, but the terminal does not show it yet: print"
            " holds text back until the line ends. Pass flush=True to print()."
        )
    assert "b'" not in shown, (
        f"Expected text, but client.py shows bytes: {shown.strip()!r}. Pass"
        " decode_unicode=True to iter_content."
    )
    places = [shown.find(text) for text in TEXTS]
    assert -1 not in places and places == sorted(places), (
        f"The server sent {''.join(TEXTS)!r}. The terminal shows {shown.strip()!r}."
        " Print every piece as it is."
    )
    line = shown[: places[-1] + len(TEXTS[-1])].strip()
    assert "\n" not in line, (
        "The answer has no line break, but client.py starts a new line after each"
        ' piece. Use print(piece, end="|", flush=True) in the loop, and call print()'
        " once below the loop, with the same indent as `for`."
    )


@pytest.mark.usefixtures("client_is_there")
def test_client_py_prints_all_of_the_answer_and_ends_the_line(run_with, slept):
    """client.py prints all of the answer, nothing before it, and ends the line."""
    pieces = ["Two", "\n\n", "lines,", "\ta tab"]
    _, shown = run_with(*(text.encode() for text in pieces))
    place, seconds = slept() or ("", 0)
    assert not seconds, (
        f"{place}, calls sleep(), so client.py shows the answer {seconds:.2f} s later"
        " than the model wrote it. Remove the sleep()."
    )
    begins = shown[: shown.find(pieces[0])]
    assert not begins, (
        f"Before the first piece of the answer, client.py prints {short(begins)}. Print"
        " nothing above the loop."
    )
    without_bars = shown.replace("|", "")
    assert without_bars.startswith("".join(pieces)), (
        f"The server sent {''.join(pieces)!r}, and the terminal shows {short(shown)}."
        " Line breaks and tabs belong to the answer. Do not skip a piece, and copy"
        " printable from lesson 01, which keeps them."
    )
    assert without_bars.startswith("".join([*pieces, "\n"])), (
        f"The terminal shows {short(shown)}. Expected a line break at the end. Without"
        " it, your terminal's prompt appears on the same line. Call print() once, after"
        " the loop."
    )


@pytest.mark.usefixtures("client_is_there")
def test_client_py_lets_no_answer_control_the_terminal(run_with):
    """client.py does not let an answer control the terminal."""
    sent = f"one {''.join(ORDERS)} two"
    _, shown = run_with(sent.encode())
    orders = orders_in(shown)
    assert not orders, (
        f"The server sent {short(sent)}, and {orders[0]!r} reached the terminal. With"
        " such control characters, an answer can, for example, erase the screen. Print"
        " printable(piece), as in lesson 01."
    )


@pytest.fixture
def time_outs(monkeypatch):
    """Return a list that gets, for each read of a connection, how long it may wait.

    That is in seconds; None means for ever. Those of a server are not meant.
    """
    ours = []  # the sockets that have asked for a connection
    found = []
    connect = socket.socket.connect
    readinto = socket.SocketIO.readinto

    def note_and_connect(self, address):
        ours.append(self)
        found.append(self.gettimeout())
        return connect(self, address)

    def note_and_read(self, buffer):
        if self._sock in ours:
            found.append(self._sock.gettimeout())
        return readinto(self, buffer)

    monkeypatch.setattr(socket.socket, "connect", note_and_connect)
    monkeypatch.setattr(socket.SocketIO, "readinto", note_and_read)
    return found


@pytest.mark.usefixtures("client_is_there")
def test_client_py_does_not_wait_for_ever(run_with, time_outs):
    """client.py does not wait forever for a server that has fallen silent."""
    run_with(*(text.encode() for text in TEXTS))
    assert None not in time_outs, (
        "client.py has no timeout: if the server fell silent, client.py would wait"
        " forever. Pass timeout=30 to requests.post(), so that it gives up after 30"
        " seconds of silence."
    )


@pytest.mark.usefixtures("client_is_there")
def test_client_py_keeps_letters_whole(run_with, terminal):
    """client.py shows every letter whole, even if the network cuts it in two."""
    sent = LETTERS.encode()
    cut = sent.index("ö".encode()) + 1
    try:
        run_with(sent[:cut], sent[cut:-2], sent[-2:])
        broke = ""
    except UnicodeDecodeError:
        broke = " (it broke with UnicodeDecodeError)"
    shown = terminal.shown.strip()
    with_marks = r"\W*".join(LETTERS)  # such as a bar where a piece ended
    assert re.search(with_marks, shown) and "\ufffd" not in shown, (
        f"The server sent {LETTERS!r}, and the network cut two of its letters into two"
        f" pieces each. client.py shows {shown!r}{broke}. A piece alone cannot be"
        " decoded. Pass decode_unicode=True to iter_content, which waits for the rest"
        " of a letter."
    )


@pytest.mark.usefixtures("client_is_there")
@pytest.mark.parametrize(
    "status",
    ["400 BAD REQUEST", "404 NOT FOUND", "429 TOO MANY REQUESTS", "500 SERVER ERROR"],
    ids=lambda status: status[:3],
)
def test_client_py_takes_no_refusal_for_an_answer(run_with, terminal, status):
    """client.py does not mistake a refusal for an answer."""
    raised = False
    try:
        run_with(b"It was refused.", status=status)
    except Exception:  # raise_for_status() raises
        raised = True
    shown = terminal.shown.strip()
    number = status[:3]
    assert number in shown or "refused" not in shown, (
        f"The server refused with status {number}, but client.py printed the error page"
        " as if it were the answer. Call answer.raise_for_status() before you read."
    )
    assert raised or shown.strip(" |"), (
        f"The server refused with status {number}, but client.py ended without an"
        " error. Call answer.raise_for_status() before you read, and do not catch what"
        " it raises."
    )


@pytest.mark.usefixtures("client_is_there")
def test_client_py_takes_no_broken_answer_for_a_whole_one(run_with):
    """client.py does not mistake a broken answer for a complete one."""
    pieces = [text.encode() for text in TEXTS[:2]]
    _, whole = run_with(*pieces)
    try:
        _, broken = run_with(*pieces, at_end=break_off)
    except Exception:  # requests raises, and Python prints where
        return
    assert broken != whole, (
        f"The answer broke off after {len(TEXTS[:2])} pieces, but client.py shows the"
        " same as for a complete answer. Do not catch the exception, or print that the"
        " answer broke off."
    )

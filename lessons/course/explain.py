"""What a program broke on, and where, in a sentence for the student."""

import errno
import os
import re
from pathlib import Path
from traceback import walk_tb

from jinja2 import TemplateNotFound

from lessons.course.bounds import prints_too_much, uses_too_much
from lessons.course.folders import COURSE, LESSONS, ROOT
from lessons.course.import_anew import without_number

ADVICE = {  # what to try, by what an exception's message holds: the first that fits
    "Working outside of request context": (
        "When a generator runs, the view has returned and request is gone:"
        " read it in the view, and hand the prompt over."
    ),
    "without a return statement": (
        "Let the view return its answer on every way through it, such as"
        " Response(pieces(prompt), ...). A function for errors returns an answer, too."
    ),
    "but it was a int": (
        "A status alone is no answer: return the body before it, as in"
        ' return text, 404, or return "", 204 for an empty one.'
    ),
    "The view function": (
        "Let the view return a response, as in return Response(pieces(prompt), ...)."
    ),
    "View function mapping is overwriting": (
        "Two views have one name: give each function a name of its own."
    ),
    "Working outside of application context": (
        "When a generator runs, the view has returned: let it yield texts only."
    ),
    "sequence item 0: expected str instance, AIM": "Gather chunk.text, not the chunk.",
    "sequence item 0: expected str instance, list": (
        "Some models send lists of blocks, and chunk.content is then such a list:"
        " chunk.text is always text."
    ),
    "'HTTP_": (
        'Not every request has that header: ask whether it has, "Name" in'
        ' request.headers, or read it by request.headers.get("Name").'
    ),
    "Limiter.__init__() takes": (
        "What tells readers apart comes first: Limiter(get_remote_address, app=app)."
    ),
    "positional arguments but": (
        "Compare the call with the def. A method's first parameter is self, and it is"
        " counted here, too."
    ),
    "positional argument but": (
        "Compare the call with the def. A method's first parameter is self, and it is"
        " counted here, too."
    ),
    "instances of 'Failure'": (
        "failure_of(error) is a Failure; the number is its status,"
        " failure_of(error).status."
    ),
    "'function' object is not iterable": (
        "Call it: Response(pieces(prompt), ...), trusted_hosts()."
    ),
    "'closing' object is not iterable": (
        "closing is for a with block: with closing(model.stream(prompt)) as stream:"
    ),
    "'method' object is not iterable": "Call it, as in model.stream(prompt).",
    "'itertools.chain' object has no attribute 'headers'": (
        "The headers are the response's: response.headers."
    ),
    "Semaphore released too many": "Give each slot back once: one slots.release().",
    "str expected, not int": 'The name comes first: number("ANSWER_SECONDS", 120).',
    "'StandIn' object is not iterable": "Loop over model.stream(prompt).",
    "'async_generator' object is not iterable": (
        "Flask loops without async: write def and for without it."
    ),
    "'NoneType' object is not callable": (
        "A function below @app.after_request returns the response: is return missing?"
    ),
    "'NoneType' object is not subscriptable": (
        "It is None: is a return missing in the function that made it?"
    ),
    "'BadRequest' object is not subscriptable": (
        "An HTTP error is raised, not returned: raise BadRequest(...)."
    ),
    "Unable to apply constraint": (
        "ge and le bound a number, min_length and max_length a text or a list."
    ),
    "A non-annotated attribute": (
        "A field has its type behind a colon, as in include_usage: bool = False."
    ),
    "Unable to generate pydantic-core schema": (
        "The class of a field is made from Fields, as in class StreamOptions(Fields)."
    ),
    "Error when building FieldInfo": (
        "After = stands a value, as in stream_options: StreamOptions = StreamOptions()."
    ),
    "Decorators defined with incorrect fields": (
        "field_validator wants the name of a field of the same class, a str."
    ),
    "'generator' object does not support the context": (
        "closing makes it one that does: with closing(model.stream(prompt)) as stream:"
    ),
    "expected a bytes-like object, NoneType": (
        "Yield a text each time: print() hands back None."
    ),
    "expected a bytes-like object, list": "Yield chunk.text, not chunk.content.",
    "expected a bytes-like object, AIM": "Yield chunk.text, not the chunk.",
    "expected a bytes-like object, dict": (
        "Text crosses the wire, no dictionary: yield what json.dumps makes of it."
    ),
    "expected a bytes-like object, int": (
        "What is looped over yields whole pieces, and bytes are a row of numbers:"
        " chain([first_piece], pieces) has brackets."
    ),
    "type object '": "Without () that is the class itself: a call makes one of it.",
    "HTTPConnectionPool(": "Nobody answers at that address: ask the one that is given.",
    "'ScriptedModel' object has no": "The checks know model.stream(prompt) only.",
    "'ProxyFix' object has no": "app has to stay the Flask app: set app.wsgi_app.",
    "object is not callable": "It is no function: leave out the () after it.",
    "'AIMessageChunk' object": "A chunk's text is chunk.text.",
    "'tuple' object has no attribute 'text'": (
        "model.invoke(prompt) is the whole answer: loop over model.stream(prompt)."
    ),
    "'list' object has no attribute 'join'": (
        'join belongs to the text that stands between the others: "".join(pieces).'
    ),
    "'NoneType' object has no": (
        "It is None: print(), append() and a function without return hand nothing back."
    ),
    "'dict' object has no": "A dict is read with a name in brackets, or with .get().",
    "'generator' object has no attribute 'strip'": (
        "What is sent comes first: Response(pieces(prompt), mimetype=...)."
    ),
    "'generator' object has no": "Loop over it: it yields one value after another.",
    "no exception for": "abort takes the number of a status: abort(400).",
    "function' object has no": "Before the dot stands a function: is its () missing?",
    "function_or_method'": "There stands a function: is its () missing?",
    "unexpected keyword argument": "It takes none of that name: is it misspelt?",
    "required positional argument": (
        "Write it between the () where you call it; Flask calls a view with nothing."
    ),
    "isinstance() arg 2": "First the value, then its type: isinstance(prompt, str).",
    "can only concatenate str": 'f"..." takes numbers too, between braces.',
    "to NoneType.__format__": "What stands between the braces is None.",
    "cannot access local variable": (
        "A name that a function sets is the function's own in all of its lines: set it"
        " before it is read, or choose another name."
    ),
    "partially initialized": "A file imports nothing from itself.",
    "cannot import name": "There is none of that name: capital letters count.",
    "reading from stdin": (
        "Nobody types while a program is checked: take no input(), but what the"
        " program is given."
    ),
    "expected ':'": "A line such as def, for, if or with ends with a colon.",
    "follows keyword argument": "Write its name too, as in flush=True.",
    "invalid character": "Quotation marks in code are straight.",
    "expected an indented block": "Indent what belongs to that line by four spaces.",
    "tabs and spaces": "Indent with spaces only, four for each step.",
    "has no attribute": "Look how that name is written, and what is before the dot.",
}
WORDS_OF_JAVASCRIPT = {"true": "True", "false": "False", "null": "None"}
NAMES_OF_FLASK = ["Response", "abort", "jsonify", "render_template", "request"]
MODULES = ["json", "os", "re", "requests", "sys", "time"]  # which no variable is called


def short(text):
    """Return the text as Python writes it, with its middle left out if it is long."""
    written = repr(text)
    return written if len(written) < 120 else f"{written[:70]} ... {written[-30:]}"


def place(file, line, folder):
    """Return "mine/app.py, line 12", or None for a file that is not in the folder."""
    path = Path(file or "").resolve()
    if path.parent == COURSE:  # which is in the folder, if that is the whole project
        return None
    if not path.is_relative_to(folder):
        return None
    name = path.relative_to(folder.parent).as_posix()
    return f"{name}, line {line}"


def places_of(error, folder):
    """Return the place of each call that led to an exception, the last one last."""
    places = []
    for frame, line in walk_tb(error.__traceback__):
        places.append(place(frame.f_code.co_filename, line, folder))
    if isinstance(error, SyntaxError):
        places.append(place(error.filename, error.lineno, folder))
    return places


def missing_file(error, folder):
    """Return which of a program's own files an exception has missed, or None."""
    if isinstance(error, TemplateNotFound):
        return f"{folder.name}/templates/{error.name}"
    if isinstance(error, FileNotFoundError):
        path = Path(os.fsdecode(error.filename or "")).resolve()
        if path.is_relative_to(folder):
            return path.relative_to(folder.parent).as_posix()
    if isinstance(error, ModuleNotFoundError):  # an ImportError can lack a name only
        module = without_number(error.name or "", folder)
        if module.startswith(f"{folder.name}."):
            return f"{module.replace('.', '/')}.py"
    return None


def where_to_get(module, folder):
    """Say where a module comes from that Python has not found.

    That it is a package is said of those that lessons use, and of no others: what has
    the name of a student's file may be anybody's.
    """
    name = module.partition(".")[0]
    if (folder / f"{name}.py").exists():
        return (
            f"{name}.py is in {folder.name}/: write a dot before the name,"
            f" as in from .{name} import ..."
        )
    package = name.replace("_", "-")
    if package in packages():
        return f"It is a package: python -m pip install {package} installs it."
    return (
        "No lesson uses a package of that name: look how it is written. A file of your"
        f" own stands in {folder.name}/ and has a dot before its name,"
        f" as in from .{name} import ..."
    )


def how_to_define(name, where):
    """Say where a name comes from that Python does not know."""
    if name in WORDS_OF_JAVASCRIPT:
        return f"Python writes {WORDS_OF_JAVASCRIPT[name]}."
    if name in MODULES:
        return f"Import it first: import {name}."
    if name in NAMES_OF_FLASK and "/client.py" not in where:
        return f"Import it first: from flask import {name}."
    return "Write or import it first, or take out what the lesson has no more."


def packages():
    """Return the names of the packages that the lessons' programs use."""
    names = set()
    for file in ROOT / "requirements.txt", *LESSONS.glob("*/requirements.txt"):
        lines = file.read_text(encoding="utf-8").splitlines()
        names.update(re.split(r"[^\w-]", line)[0].lower() for line in lines)
    return names - {""}


def words_of(error, folder):
    """Return the first line of what an exception says."""
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    words = without_number(words, folder)
    first_line = words.strip().partition("\n")[0]
    first_line = first_line.partition(" (Caused by")[0]  # as requests adds
    first_line = first_line.partition(" while output is captured")[0]  # as pytest does
    first_line = first_line.removeprefix("pytest: ")
    return first_line.rstrip(".") or "it says no more"


def advice_on(error, words, where):
    """Return a list of what to try after an exception that says these words there."""
    if isinstance(error, NameError) and words.endswith("is not defined"):
        return [how_to_define(error.name, where)]
    if type(error) is SystemExit:
        return ["The program ended itself there: it is to go on, or to return."]
    if isinstance(error, StopIteration):
        return ["next() found nothing more: a for loop ends by itself."]
    fitting = [advice for part, advice in ADVICE.items() if part in words]
    return fitting[:1]


def is_of_a_check(error):
    """Whether the words of an AssertionError are a check's, and not a library's."""
    *_, (last, _) = walk_tb(error.__traceback__)
    return Path(last.f_code.co_filename).is_relative_to(LESSONS)


def sentence_for(error, folder):
    """Say where in the folder an exception arose, what it says, and what to try."""
    places = places_of(error, folder)
    raised_inside = bool(places and places[-1])
    if isinstance(error, AssertionError) and not raised_inside and is_of_a_check(error):
        return str(error)
    inside = [each for each in places if each]
    where = inside[-1] if inside else f"{folder.name}/app.py"
    if isinstance(error, MemoryError):
        return uses_too_much(f"{where},")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return prints_too_much(f"{where},")
    file = missing_file(error, folder)
    if file:
        sentences = [f"{where}: There is no {file}: see the lesson for it."]
    else:
        words = words_of(error, folder)
        sentences = [f"{where}: {type(error).__name__}: {words}."]
        sentences += advice_on(error, words, where)
        if isinstance(error, ModuleNotFoundError) and error.name:
            sentences.append(where_to_get(error.name, folder))
    sentences += getattr(error, "__notes__", [])  # what the check was about
    return " ".join(sentences)

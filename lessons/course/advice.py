"""What a student may try, by what Python says of a mistake."""

from difflib import get_close_matches
from traceback import walk_tb

SAVE_AS_UTF_8 = "The {} is not encoded in UTF-8. Save it as UTF-8 in your editor."
ADVICE = {  # what to try, by what an exception's message holds: the first that fits
    "Working outside of request context": (
        "The generator runs after the view has returned, and request is gone by then."
        " Read the request in the view, and pass the prompt to the generator."
    ),
    "The body of the request cannot be read": (
        "A view ran there without a request. Pass the view itself, without () after it:"
        " Flask calls it later."
    ),
    "without a return statement": (
        "Return an answer on every path through the view, such as"
        " Response(pieces(prompt), ...). An error handler must return an answer, too."
    ),
    "but it was a int": (
        "A status alone is not an answer. Return the body before it, as in return text,"
        ' 404, or return "", 204 for an empty one.'
    ),
    "The view function": (
        "Return a response from the view, as in return Response(pieces(prompt), ...)."
    ),
    "View function mapping is overwriting": (
        "Two views have the same name. Give each function its own name."
    ),
    "Working outside of application context": (
        "The generator runs after the view has returned. Let it yield only text."
    ),
    "as_json() missing": "Flask calls as_json later. Pass its name alone, without ().",
    "object is not an iterator": (
        "next() takes a generator. Does the function that makes it have a yield, and no"
        " return? Do you call it, with () after its name?"
    ),
    "sequence item 0: expected str instance, AIM": "Collect chunk.text, not the chunk.",
    "sequence item 0: expected str instance, list": (
        "Some models send lists of blocks, and chunk.content can be such a list. Use"
        " chunk.text, which is always text."
    ),
    "expected string or bytes-like object, got 'AIM": (
        "Pass chunk.text, not the chunk."
    ),
    "expected string or bytes-like object, got 'list": (
        "Some models send lists of blocks, and chunk.content can be such a list. Use"
        " chunk.text, which is always text."
    ),
    "cannot use a string pattern on a bytes-like object": (
        "Those are bytes. Pass decode_unicode=True to iter_content, which then gives"
        " you text."
    ),
    "'HTTP_": (
        'Not every request has that header. Check with "Name" in request.headers, or'
        ' read it with request.headers.get("Name").'
    ),
    "Limiter.__init__() takes": (
        "The first argument is the function that tells readers apart:"
        " Limiter(get_remote_address, app=app)."
    ),
    "positional arguments but": (
        "Compare the call with the def. A method's first parameter, self, counts too."
    ),
    "positional argument but": (
        "Compare the call with the def. A method's first parameter, self, counts too."
    ),
    "instances of 'Failure'": (
        "failure_of(error) returns a Failure. Its status is failure_of(error).status."
    ),
    "'function' object is not iterable": (
        "Without parentheses, the name means the function itself. Call it, as in"
        " pieces(prompt)."
    ),
    "'closing' object is not iterable": (
        "closing works only in a with statement, as in with"
        " closing(model.stream(prompt)) as stream:"
    ),
    "'method' object is not iterable": "Call it, as in model.stream(prompt).",
    "'itertools.chain' object has no attribute 'headers'": (
        "The headers belong to the response: response.headers."
    ),
    "'itertools.chain' object has no attribute 'close'": (
        "chain() has no close(). Keep the generator under a name of its own, and call"
        " that generator's close()."
    ),
    "pop from an empty deque": (
        "popleft() found nothing to take. Ask first whether something is there: a"
        " method is called only with () after its name."
    ),
    "'str' object has no attribute 'send'": (
        "Is that the prompt? A service gets the prompt first, and then the stream."
    ),
    "un-acquired lock": (
        "Only the thread that holds a lock can wait or notify. Put that line below with"
        " self.changed: and indent it."
    ),
    "Semaphore released too many": (
        "Give each slot back only once: call slots.release() in one place."
    ),
    "str expected, not int": 'The name comes first: number("ANSWER_SECONDS", 120).',
    "invalid literal for int()": (
        "int() takes only a number, and a client can send anything. Check first that"
        " number.isdecimal() is true."
    ),
    "Exceeds the limit (4300 digits)": (
        "A client can send very many digits. Take the first nine: number[:9]."
    ),
    "Could not build url for endpoint": (
        "url_for() takes the name of a view. Give the view's function that name."
    ),
    "'StandIn' object is not iterable": "Loop over model.stream(prompt).",
    "'async_generator' object is not iterable": (
        "Flask cannot loop over an async generator. Use def and for, both without"
        " async."
    ),
    "'NoneType' object is not callable": (
        "A function below @app.after_request has to return the response. Is a return"
        " missing?"
    ),
    "'NoneType' object is not subscriptable": (
        "That value is None. Is a return missing in the function that made it?"
    ),
    "'BadRequest' object is not subscriptable": (
        "Raise an HTTP error instead of returning it: raise BadRequest(...)."
    ),
    "Unable to apply constraint": (
        "ge and le limit a number, and min_length and max_length limit a string or a"
        " list."
    ),
    "A non-annotated attribute": (
        "A field has its type after a colon, as in include_usage: bool = False."
    ),
    "requires a type annotation": (
        "A field has its type after a colon, as in max_tokens: int = Field(...)."
    ),
    "Unable to generate pydantic-core schema": (
        "Derive the field's class from Fields, as in class StreamOptions(Fields)."
    ),
    "Error when building FieldInfo": (
        "A value comes after =, as in stream_options: StreamOptions = StreamOptions()."
    ),
    "Decorators defined with incorrect fields": (
        "field_validator takes the name of a field of the same class, as a str."
    ),
    "'generator' object does not support the context": (
        "with needs closing around a generator, as in with"
        " closing(model.stream(prompt)) as stream:"
    ),
    "expected a bytes-like object, NoneType": (
        "Yield text each time. print() returns None, and so does a function without a"
        " return."
    ),
    "generator ignored GeneratorExit": (
        "Closing a generator raises GeneratorExit in it. except BaseException catches"
        " that, too. Write except Exception instead."
    ),
    "expected a bytes-like object, list": "Yield chunk.text, not chunk.content.",
    "expected a bytes-like object, AIM": "Yield chunk.text, not the chunk.",
    "expected a bytes-like object, dict": (
        "Send text, not a dictionary: yield what json.dumps returns."
    ),
    "can't concat dict to bytes": (
        "Send text, not a dictionary: first make a line or an event of it."
    ),
    "expected a bytes-like object, gen": (
        "A generator is not text. Loop over it, and yield the text of each chunk."
    ),
    "expected a bytes-like object, int": (
        "Iterating over bytes gives numbers. Put the piece in a list:"
        " chain([first_piece], pieces)."
    ),
    "type object '": "Without () that is the class itself. Call it to make an object.",
    "HTTPConnectionPool(": (
        "No server answers at that address. Use the address that is given."
    ),
    "'ScriptedModel' object has no": (
        "The checks use a model that has only one method, model.stream(prompt)."
    ),
    "'ProxyFix' object has no": (
        "app must stay the Flask app. Set app.wsgi_app instead."
    ),
    "'module' object is not callable": (
        "That name is the module itself. Import the function from it, as in from time"
        " import time."
    ),
    "must be str, not bytes": (
        "Some pieces are text and others are bytes. Encode each text: text.encode()."
    ),
    "for |: 'dict' and 'NoneType'": (
        "update() changes a dict and returns None. To make a new dict, write dict |"
        " {...}."
    ),
    "is not JSON serializable": (
        "JSON can hold strings, numbers, lists and dicts. Convert the value to one of"
        " these, for example with str()."
    ),
    "object is not callable": "It is not a function. Remove the () after it.",
    "'AIMessageChunk' object": "A chunk's text is chunk.text.",
    "'tuple' object has no attribute 'text'": (
        "model.invoke(prompt) is the whole answer. Loop over model.stream(prompt)."
    ),
    "'list' object has no attribute 'join'": (
        'join is a method of the text between the items: "".join(pieces).'
    ),
    "'NoneType' object has no": (
        "That value is None: print(), append() and a function without a return all"
        " return None."
    ),
    "'dict' object has no": (
        "Look up a value in a dict with its key in brackets, or with .get()."
    ),
    "'generator' object has no attribute 'strip'": (
        "The body comes first: Response(pieces(prompt), mimetype=...)."
    ),
    "'generator' object has no": "Loop over it: it yields one value after another.",
    "no exception for": "abort takes the number of a status: abort(400).",
    "function' object has no": (
        "The value before the dot is a function. Is the () after its name missing?"
    ),
    "function_or_method'": (
        "That value is a function. Is the () after its name missing?"
    ),
    "unexpected keyword argument": (
        "There is no parameter with that name. Is it misspelt?"
    ),
    "required positional argument": (
        "Pass that argument in the call, between the (). Flask calls a view without"
        " arguments."
    ),
    "isinstance() arg 2": (
        "Pass the value first, then its type: isinstance(prompt, str)."
    ),
    "can only concatenate str": 'Use f"...", which accepts numbers between braces.',
    "to NoneType.__format__": "The value between the braces is None.",
    "cannot access local variable": (
        "A name that a function assigns is local to that function. Assign it before you"
        " read it, or choose another name."
    ),
    "partially initialized": "A file cannot import from itself.",
    "cannot import name": "There is no such name. Upper and lower case matter.",
    "reading from stdin": (
        "Nobody can type while the checks run. Do not call input(). Use the arguments"
        " of the command instead."
    ),
    "expected ':'": "A line such as def, for, if or with ends with a colon.",
    "follows keyword argument": (
        "Write the name of this argument, too, as in flush=True."
    ),
    "null bytes": SAVE_AS_UTF_8.format("file"),  # there are some in UTF-16
    "(unicode error) 'utf-8' codec": SAVE_AS_UTF_8.format("file"),
    "invalid character": "Use straight quotation marks in code.",
    "expected an indented block": "Indent the lines that belong to it by four spaces.",
    "tabs and spaces": "Indent only with spaces, four for each level.",
    "applied to instance methods": "Write @classmethod on the line above def.",
    "has no attribute": "Check the spelling of that name, and what is before the dot.",
}
WORDS_OF_JAVASCRIPT = {"true": "True", "false": "False", "null": "None"}
NAMES_OF_FLASK = ["Response", "abort", "jsonify", "render_template", "request"]
MODULE_OF = {"chain": "itertools", "closing": "contextlib"} | dict.fromkeys(
    ["monotonic", "sleep"], "time"
)
MODULES = ["json", "os", "re", "requests", "sys", "time"]  # which no variable is called


def advice_on(error, words, where):
    """Return a list of what to try after an exception that says these words there."""
    if isinstance(error, NameError) and words.endswith("is not defined"):
        calls = walk_tb(error.__traceback__)
        reads = any("read_prompt" in frame.f_globals for frame, _ in calls)
        if reads and error.name == "request":
            return [
                "To get the prompt, call read_prompt(), which reads the request. For"
                " anything else, import request first: from flask import request."
            ]
        return [how_to_define(error.name, where)]
    if type(error) is SystemExit:
        return [
            "The program ended itself there. Remove that exit, or use return instead."
        ]
    if isinstance(error, StopIteration) and isinstance(error.value, Exception):
        return ["In a generator, raise an HTTP error instead of returning it."]
    if isinstance(error, StopIteration):
        return [
            "next() found nothing to take. If it reads a generator of yours, that"
            " generator ended before its first yield. Check that each generator loops"
            " over the one that it reads, and yields what it gets."
        ]
    if isinstance(error, UnicodeDecodeError) and arose_in("jinja2.loaders", error):
        return [SAVE_AS_UTF_8.format("template")]
    if "object is not callable" in words and ended_in("threading", error):
        return [
            "wait_for() calls what it gets again and again, so it needs a function."
            " Write lambda: before the condition."
        ]
    fitting = [advice for part, advice in ADVICE.items() if part in words]
    if type(error) is KeyError and not fitting and not hasattr(error, "__notes__"):
        return [
            f"That dictionary has no entry {words}. Check its name. If the entry may be"
            " missing, read it with .get()."
        ]
    question = spelling_question(error)
    return [question] if question else fitting[:1]


def spelling_question(error):
    """Return a question that names a similar attribute, or None if there is none."""
    if not isinstance(error, AttributeError) or not error.name:
        return None
    alike = get_close_matches(error.name, dir(error.obj), n=1, cutoff=0.75)
    if not alike:
        return None
    return f"Check the spelling of that name: did you mean {alike[0]}?"


def arose_in(module, error):
    """Whether an exception came through the code of a module."""
    calls = walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__") == module for frame, _ in calls)


def ended_in(module, error):
    """Whether an exception was raised in the code of a module itself."""
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__") == module


def how_to_define(name, where):
    """Say where a name comes from that Python does not know."""
    if name in WORDS_OF_JAVASCRIPT:
        return f"Python writes {WORDS_OF_JAVASCRIPT[name]}."
    if name == "requests" and "/app.py" in where:  # which answers, and asks nobody
        return "Flask's object is called request, without an s."
    if name in MODULES:
        return f"Import it first: import {name}."
    if name in NAMES_OF_FLASK and "/client.py" not in where:
        return f"Import it first: from flask import {name}."
    if name in MODULE_OF:
        return f"Import it first: from {MODULE_OF[name]} import {name}."
    return (
        "Define or import it first. If this lesson no longer has that name, remove the"
        " line."
    )

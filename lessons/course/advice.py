"""What a student may try, by what Python says of a mistake."""

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
        "A status alone is not an answer: return the body before it, as in"
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
    "expected string or bytes-like object, got 'AIM": (
        "Give it chunk.text, not the chunk."
    ),
    "expected string or bytes-like object, got 'list": (
        "Some models send lists of blocks, and chunk.content is then such a list:"
        " chunk.text is always text."
    ),
    "cannot use a string pattern on a bytes-like object": (
        "Those are bytes: give iter_content decode_unicode=True, and it brings text."
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
        "Call it, with its parentheses, as in pieces(prompt): the name alone is the"
        " function itself."
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
        "A field has its type after a colon, as in include_usage: bool = False."
    ),
    "Unable to generate pydantic-core schema": (
        "The class of a field is made from Fields, as in class StreamOptions(Fields)."
    ),
    "Error when building FieldInfo": (
        "A value comes after =, as in stream_options: StreamOptions = StreamOptions()."
    ),
    "Decorators defined with incorrect fields": (
        "field_validator wants the name of a field of the same class, a str."
    ),
    "'generator' object does not support the context": (
        "closing makes it one that does: with closing(model.stream(prompt)) as stream:"
    ),
    "expected a bytes-like object, NoneType": (
        "Yield a text each time: print() returns None."
    ),
    "expected a bytes-like object, list": "Yield chunk.text, not chunk.content.",
    "expected a bytes-like object, AIM": "Yield chunk.text, not the chunk.",
    "expected a bytes-like object, dict": (
        "Text crosses the wire, not a dictionary: yield what json.dumps returns."
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
        'join belongs to the text that goes between the others: "".join(pieces).'
    ),
    "'NoneType' object has no": (
        "It is None: print(), append() and a function without return give nothing back."
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
    "to NoneType.__format__": "The value between the braces is None.",
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


def how_to_define(name, where):
    """Say where a name comes from that Python does not know."""
    if name in WORDS_OF_JAVASCRIPT:
        return f"Python writes {WORDS_OF_JAVASCRIPT[name]}."
    if name in MODULES:
        return f"Import it first: import {name}."
    if name in NAMES_OF_FLASK and "/client.py" not in where:
        return f"Import it first: from flask import {name}."
    return "Write or import it first, or take out what the lesson no longer has."

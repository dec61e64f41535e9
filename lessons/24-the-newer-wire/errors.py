"""What a client gets instead of an answer, in the shape of OpenAI's errors."""

from werkzeug.exceptions import HTTPException, NotFound

from failures import as_json

NOTHING_HERE = (
    "There is nothing at this address: ask POST /v1/responses for an answer, or GET"
    " /v1/models for the name of the model. The page is at /."
)


class Refusal(HTTPException):
    """An HTTP error of this server's own, to be raised.

    param is the field that is wrong; error_code is a word for programs. Or None.
    """

    def __init__(self, status, sentence, param=None, error_code=None):
        super().__init__(sentence)
        self.code = status
        self.param = param
        self.error_code = error_code


def as_openai_json(error):
    """Return the answer for an HTTP error, like as_json, but in OpenAI's shape."""
    body, status, headers = as_json(error)
    sentence = body["error"]
    if type(error) is NotFound:  # but not the store's own 404
        sentence = NOTHING_HERE
    param = None
    error_code = None
    if isinstance(error, Refusal):
        param = error.param
        error_code = error.error_code
    return openai_error(status, sentence, param, error_code), status, headers


def openai_error(status, sentence, param=None, error_code=None):
    """Return an error as OpenAI's clients read it."""
    error_type = "invalid_request_error"
    if status >= 500:
        error_type = "server_error"
    if status == 429:
        error_type = "rate_limit_error"
        error_code = "rate_limit_exceeded"
    error = {"message": sentence, "type": error_type}
    return {"error": error | {"param": param, "code": error_code}}

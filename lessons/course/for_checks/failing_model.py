"""What the checks of failures share: a model that fails, and a body read to its end."""

import re
from traceback import format_exception

from langchain_core.exceptions import ModelAPIError

from failures import MISTAKE

# UnboundLocalError is a NameError, and what Python calls it: "app.py, line 72".
OWN_MISTAKE = re.compile(r"(NameError|UnboundLocalError|AttributeError)\b.*")
SECRET = "Incorrect API key provided: sk-pr****1234"  # as a provider's own words go


class Refusing:
    """An item of a script: raise the failure, so many times."""

    def __init__(self, times, kind=ModelAPIError, response=None):
        self.left = times
        self.kind = kind
        self.response = response

    def __call__(self):
        if self.left:
            self.left -= 1
            error = self.kind(SECRET)
            error.response = self.response
            raise error


def read(answer):
    """Return the text of a body, and the exception that broke it, or None.

    A NameError is raised: it is a mistake to show, and not a way to break a body.
    """
    came = b""
    try:
        for piece in answer.iter_encoded():
            came += piece
    except NameError:
        raise
    except Exception as error:
        return came.decode("utf-8", "replace"), error
    finally:
        answer.close()
    return came.decode("utf-8", "replace"), None


def raised_in_the_view(error):
    """Whether an exception left the view itself, and not the body that it returned."""
    frames = error.__traceback__
    while frames is not None:
        if frames.tb_frame.f_code.co_name == "dispatch_request":
            return True
        frames = frames.tb_next
    return False


def must_not_repeat_the_provider(told, error=None):
    """Fail if the log, the terminal or a traceback holds the provider's own words.

    `told` is what the program has logged and printed; `error` is what broke the body:
    a server prints its traceback.
    """
    assert SECRET not in told, (
        f"The model failed with {SECRET!r}, and the program logged or printed those"
        " words. Many people read logs, and logs are kept. Log log_name(error), which"
        " gives only the class and the status. Do not log a traceback. Python also"
        " prints one when an exception ends a thread."
    )
    printed = "".join(format_exception(error)) if error else ""
    assert SECRET not in printed, (
        f"The model failed with {SECRET!r}. The exception that broke the body carries"
        " those words in its traceback, which the server prints. Write `raise"
        " BodyBreaks(sentence) from None`, which leaves out the model's error."
    )


def must_not_be_a_mistake(logged):
    """Fail if a name or a type in the program is wrong: the log says so in one line.

    log_name() writes the class of the error, and for a mistake the file and the line.
    """
    for line in logged:
        found = OWN_MISTAKE.search(line)
        assert not found, (
            "The model failed, and then your own code broke while it handled the"
            f' failure. The log says "{found[0]}". Check that line for a misspelt name.'
            " If a value there is None, the function that made it has no return or"
            " yield."
        )


def must_not_be_our_own(said, logged, what=""):
    """Fail if a mistake in the program broke an answer, not a failure of the model.

    `what` is a sentence about what was asked.
    """
    where = "Write log_name(error) to the log, which names the line."
    if logged:
        where = f'The log says: "{logged[-1]}".'
    assert MISTAKE.sentence not in said, (
        f"{what} The answer broke off because of a mistake in the program itself, not"
        f" because the model failed. {where}".lstrip()
    )

"""Tool calls, gathered from their pieces, and run when they are whole."""

import json

from .call import BadCall, Call
from .look_up import NAME, LookUp, NothingFound, look_up


class Calls:
    """The calls of one round, in their order."""

    def __init__(self):
        self.all = []
        self.by_index = {}  # the call to which a piece with this index belongs

    def add(self, piece):
        """Take a piece of a call; yield the messages about it."""
        call = self.by_index.get(piece["index"])
        if call is None or (piece["id"] and piece["id"] != call.id):
            call = Call(piece["id"], piece["name"])
            self.by_index[piece["index"]] = call
            self.all.append(call)
            yield call.begin()
        if piece["args"]:
            yield call.add(piece["args"])


def run(call):
    """Run a whole call; yield the messages about it."""
    try:
        arguments = read_arguments(call)
    except BadCall as bad:
        yield call.refuse(str(bad))
        return
    yield call.accept(arguments)
    try:
        found = look_up(**arguments)
    except NothingFound as nothing:
        yield call.fail(str(nothing))
    except Exception as error:
        yield call.break_down(error)
    else:
        yield call.succeed(found)


def read_arguments(call):
    """Return the arguments of a call as a dict, or raise BadCall."""
    if call.name != NAME:
        raise BadCall(f"There is no tool {call.name!r}. The only one is {NAME}.")
    try:
        arguments = json.loads(call.text or "{}")  # "" is a call without arguments
        return LookUp.model_validate(arguments).model_dump()
    except (ValueError, RecursionError):
        raise BadCall(
            'The arguments must be JSON such as {"query": "flush"}.'
        ) from None

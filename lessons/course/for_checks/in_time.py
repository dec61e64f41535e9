"""Calls that may wait for ever: a check waits only a few seconds."""

import threading
from itertools import islice
from queue import Empty, SimpleQueue

PATIENCE = 5  # seconds that what should come at once may take


class Caller:
    """A thread that calls what it is given, one call after the other.

    What Flask knows of a request belongs to the thread that has asked, and a body that
    is read in another cannot use it: so one thread asks and reads.
    """

    def __init__(self):
        self.calls = SimpleQueue()
        self.ends = SimpleQueue()  # of each call: (what it returned, what it raised)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while True:
            call = self.calls.get()
            try:
                self.ends.put((call(), None))
            except BaseException as error:
                self.ends.put((None, error))


class UntilRead:
    """An item of a script: the model goes on once a reader has got some bytes."""

    def __init__(self, sign):
        self.sign = sign
        self.has_come = threading.Event()
        self.waits = []  # for each time that the model waited, whether they came

    def __call__(self):
        self.waits.append(self.has_come.wait(PATIENCE))

    def read(self, answer):
        """Read a body to its end, and return it; the sign has to be in one piece."""
        body = b""
        for piece in answer.iter_encoded():
            body += piece
            if self.sign in piece:
                self.has_come.set()
        return body


def read_until(sign, pieces, most=50):
    """Read pieces of a body until the sign is in them, and return what came.

    Some of them may be heartbeats. After so many pieces the sign is not awaited.
    """
    came = b""
    for piece in islice(pieces, most):
        came += piece
        if sign in came:
            break
    return came


callers = []  # that wait for a call; one whose call never ends does not come back


def is_of_the_check(thread):
    """Whether a thread is one that asks for a check, and not one of the program."""
    return any(thread is caller.thread for caller in callers)


def in_time(call, sentence):
    """Return what a call returns; if it waits too long, fail with the sentence.

    If a thread of the program has died meanwhile, fail with what it died of.
    """
    deaths = []  # what threads have died of, in a Python whose output nobody reads
    usual = threading.excepthook

    def note(death):
        deaths.append(death.exc_value)
        usual(death)

    caller = callers.pop() if callers else Caller()
    threading.excepthook = note
    caller.calls.put(call)
    try:
        # longer than a model waits in a script
        returned, error = caller.ends.get(timeout=2 * PATIENCE)
    except Empty:
        if not deaths:
            raise AssertionError(sentence) from None
        deaths[0].add_note("It ended one of your threads, so nothing else reports it.")
        raise deaths[0] from None
    finally:
        threading.excepthook = usual
    callers.append(caller)
    if error:
        raise error
    return returned

"""Where the threads of a program are when an answer makes no progress."""

import sys

from lessons.course.explain import place


def stuck_in(folder):
    """Return where threads of the program are, except those that wait as they should.

    The wait() of a Condition lets other threads in, and join() needs no lock. Any other
    thread is in a loop, or it waits for a lock that another thread keeps.
    """
    places = set()
    for frame in sys._current_frames().values():
        if frame.f_code.co_name in ("wait", "join", "_wait_for_tstate_lock"):
            continue
        where = ""
        while frame and not where:
            where = place(frame.f_code.co_filename, frame.f_lineno, folder)
            frame = frame.f_back
        if where:
            places.add(where)
    return " and ".join(sorted(places))

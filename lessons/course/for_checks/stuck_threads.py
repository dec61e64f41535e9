"""Where the threads of a program are, when an answer does not go on."""

import sys

from lessons.course.explain import place


def stuck_in(folder):
    """Return where threads of the program are, but for those that wait as they should.

    A wait of a Condition lets other threads in, and one that ends a thread needs no
    lock. All that is left is a loop, or a lock that another thread keeps.
    """
    places = set()
    for frame in sys._current_frames().values():
        if frame.f_code.co_name in ("wait", "join", "_wait_for_tstate_lock"):
            continue
        while frame and not place(frame.f_code.co_filename, frame.f_lineno, folder):
            frame = frame.f_back
        if frame:
            places.add(place(frame.f_code.co_filename, frame.f_lineno, folder))
    return " and ".join(sorted(places))

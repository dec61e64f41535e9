"""What a program may use while it is checked: time, memory, and room for its prints."""

from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # on Windows
    resource = None

SECONDS = 20
MEMORY = 1024**3  # bytes; a lesson's program needs a tenth
OUTPUT = 1024**2  # bytes of what it prints, and of each file that it writes
RESIDENT = Path("/proc/self/statm")  # on Linux: the sizes of this Python, in pages


def bound_memory_and_output():
    """Limit what this Python may use, and whatever it starts from now on.

    A Python that has no memory left can hang, so the limit is twice what a program
    may use, and memory_used() is looked at before. Windows has no such limits, and
    macOS keeps to none on memory: there a loop that takes more and more in one
    call is ended by its time alone.
    """
    if resource:
        set_limit(resource.RLIMIT_AS, 2 * MEMORY)
        set_limit(resource.RLIMIT_FSIZE, OUTPUT)


def set_limit(kind, most):
    _, hard = resource.getrlimit(kind)
    with suppress(ValueError, OSError):  # macOS refuses the one on memory
        resource.setrlimit(kind, (most, hard))


def memory_used():
    """Return how many bytes of memory this Python uses; on Windows 0."""
    if RESIDENT.exists():
        _, pages, *_ = RESIDENT.read_text(encoding="utf-8").split()
        return int(pages) * resource.getpagesize()
    if resource:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 0


def never_ends(where, seconds):
    """Return the sentence for a program that was stopped."""
    why = (
        "Look for a loop that never ends, or for code that waits for something that"
        " never comes."
    )
    return f"{where} did not finish within {seconds:g} s. {why}"


def uses_too_much(where):
    """Return the sentence for a program that takes more and more memory."""
    why = "Look for a list that keeps growing, or for a loop that keeps yielding."
    return f"{where} used more than {MEMORY // 1024**3} GB of memory. {why}"


def prints_too_much(where):
    """Return the sentence for a program that prints or writes more and more."""
    why = "Look for a loop that never ends."
    return f"{where} printed or wrote more than {OUTPUT // 1024**2} MB. {why}"

"""A line added to a file that several processes write, so that none is ever lost."""

from contextlib import contextmanager
from time import monotonic, sleep

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None
    import msvcrt

PATIENCE = 5  # seconds to wait for another process, which needs a thousandth of one
FAR = 2**30  # Windows locks a place in the file: one behind all that is ever written


def append_line(path, text):
    """Add a line to a file, and make the file if there is none; raise an OSError."""
    with path.open("a+b") as file, locked(file):
        end = file.seek(0, 2)
        file.seek(max(0, end - 1))
        is_cut = file.read(1) not in (b"", b"\n")  # a full disk cut the last line
        file.write(b"\n" * is_cut + text.encode() + b"\n")
        file.flush()  # while it is locked


@contextmanager
def locked(file):
    """Let no other process in that locks the same file."""
    give_up = monotonic() + PATIENCE
    while not lock(file):
        if monotonic() > give_up:
            raise TimeoutError(f"another process has locked {file.name}")
        sleep(0.01)
    try:
        yield
    finally:
        unlock(file)


def lock(file):
    """Lock a file, or return False if another process has locked it."""
    try:
        if fcntl:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            file.seek(FAR)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlock(file):
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_UN)
    else:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

"""What a program's command prints, as a terminal would show it."""

import os
import re
import subprocess
import sys
from tempfile import TemporaryFile
from threading import Timer

from lessons.course.explain import place
from lessons.course.folders import ROOT

SECONDS = 120  # the longest that a command may run


def command_output(folder, prompt):
    """Yield what `flask --app mine/app ask prompt` prints; stop it when it is left."""
    command = ["flask", "--app", str(folder / "app"), "ask", "--", prompt]
    # As in a terminal, what the program forgets to flush comes late; as everywhere on
    # the course, text is UTF-8.
    settings = {"PYTHONUNBUFFERED": "", "PYTHONUTF8": "1"}
    with TemporaryFile() as problems:
        running = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=os.environ | settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=problems,
        )
        limit = Timer(SECONDS, running.kill)
        limit.start()
        try:
            with running.stdout as screen:
                while True:
                    text = screen.read1()  # as soon as there is any
                    if not text:
                        break
                    yield text
            if running.wait() != 0:
                problems.seek(0)
                traceback = problems.read().decode("utf-8", "replace")
                yield last_lines(traceback, folder).encode()
        finally:
            limit.cancel()
            running.kill()
            running.wait()


def last_lines(traceback, folder):
    """Return where in the folder a command broke, and the traceback's last line."""
    lines = traceback.strip().splitlines()
    if not lines:
        return f"\nIt was stopped after {SECONDS} s.\n"
    broke = lines[-1]
    for file, line in re.findall(r'File "(.+)", line (\d+)', traceback):
        where = place(file, line, folder)  # None outside of the folder
        if where:
            broke = f"{where}: {lines[-1]}"
    return f"\n{broke}\n"

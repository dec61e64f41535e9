"""Paste the README's two commands, as a new user would: start, ask, then test.

The first has to answer a question with the practice model; it is ended then. The
second runs the tests. Whichever fails ends this with its exit code.
"""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
WINDOWS = os.name == "nt"
SECONDS = 600  # that installing and starting may take
ADDRESS = "http://127.0.0.1:8000"


def commands():
    """Return the two commands of the README for this system."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    language = "powershell" if WINDOWS else "sh"
    return re.findall(rf"(?m)^```{language}\n(.+)\n```$", readme)


def in_a_shell(command):
    """Return the words that run a command as if it were pasted."""
    if WINDOWS:
        return ["powershell", "-Command", command]
    return ["bash", "-c", command]


def ask(prompt):
    """Return the server's answer to a prompt, or None while there is no server."""
    body = json.dumps({"prompt": prompt}).encode()
    question = Request(f"{ADDRESS}/ask", body, {"Content-Type": "application/json"})
    try:
        with urlopen(question, timeout=10) as answer:
            return answer.read().decode()
    except (URLError, ConnectionError):
        return None


def end(started):
    """End a process and all that it has started."""
    if WINDOWS:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(started.pid)], check=False)
    else:
        os.killpg(started.pid, signal.SIGTERM)
    started.wait()


def main():
    """Run both commands."""
    start, test = commands()
    if ask("/echo Streams are fun.") is not None:
        sys.exit(f"A server already answers at {ADDRESS}. Stop it, then try again.")
    print(f"$ {start}", flush=True)
    started = subprocess.Popen(in_a_shell(start), cwd=ROOT, start_new_session=True)
    try:
        until = monotonic() + SECONDS
        while (answer := ask("/echo Streams are fun.")) is None:
            if started.poll() is not None or monotonic() > until:
                sys.exit("The README's first command did not start the server.")
            sleep(1)
        if answer != "Streams are fun.":
            sys.exit(f"The server answered {answer!r}.")
    finally:
        end(started)
    print(f"$ {test}", flush=True)
    sys.exit(subprocess.run(in_a_shell(test), cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()

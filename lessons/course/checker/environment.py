"""The environment of the checks: what the system needs, and nothing else.

A program that is checked can print or raise what it finds there, and the page shows
that. So there is no key in it. Nor is there a setting that could make one program red
on one machine and green on another: none of .env, Python, pytest or a proxy.
"""

import os

from lessons.course.folders import ROOT

KEPT = {  # what Python, a browser, nginx and Redis need to be found and to start
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "DISPLAY",
    "XDG_RUNTIME_DIR",
    # on Windows
    "ALLUSERSPROFILE",
    "APPDATA",
    "COMSPEC",
    "HOMEDRIVE",
    "HOMEPATH",
    "LOCALAPPDATA",
    "NUMBER_OF_PROCESSORS",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "PROGRAMFILES(X86)",
    "PROGRAMW6432",
    "SYSTEMDRIVE",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "WINDIR",
}
THIS_MACHINE = "localhost,127.0.0.1,::1"
SETTINGS = {
    "MODEL": "practice",
    "PYTHON_DOTENV_DISABLED": "1",
    "PYTHONUTF8": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONPATH": str(ROOT),
    "MALLOC_ARENA_MAX": "2",  # else each thread sets 64 MB of addresses aside
    # Servers and browsers of the checks are on this machine. A proxy can also be a
    # setting of the system, on Windows and macOS: this overrides it.
    "NO_PROXY": THIS_MACHINE,
    "no_proxy": THIS_MACHINE,
}


def environment():
    """Return the environment in which a Python checks a program, a dict."""
    kept = {name: os.environ[name] for name in os.environ if name.upper() in KEPT}
    return kept | SETTINGS

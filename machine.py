"""What must not depend on the machine: Python's version, file types, letters, proxies.

settings.py imports this file first, so every program of the course is covered by it.
"""

import mimetypes
import os
import sys
from contextlib import suppress
from urllib.request import getproxies

if sys.version_info < (3, 11):  # noqa: UP036  a student may have started an older one
    sys.exit(
        "Word by Word needs Python 3.11 or later, and this is Python"
        f" {sys.version_info.major}.{sys.version_info.minor}: install a newer one from"
        " python.org, delete the folder .venv, and paste the README's command again."
    )

# Flask asks Python for the type of a file, and Python asks the machine. On some
# Windows machines that says "text/plain" for .js, and browsers run no such script.
FILE_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/vnd.microsoft.icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
}
# The names that a machine has for itself. 0.0.0.0 is often written for them.
LOOPBACK = ["localhost", "127.0.0.1", "::1", "0.0.0.0"]

for ending, file_type in FILE_TYPES.items():
    mimetypes.add_type(file_type, ending)

# A terminal, a pipe or a file may lack letters, such as → in code page 1252. A program
# prints a ? in their place, and goes on.
for output in sys.stdout, sys.stderr:
    with suppress(AttributeError):  # some editors put an object of their own there
        output.reconfigure(errors="replace")


def use_no_proxy_for_this_machine():
    """Let no HTTP client ask a proxy for an address of this machine itself.

    To a proxy, which is another machine, "localhost" means the proxy itself. HTTP
    clients read the exceptions from NO_PROXY or no_proxy in the environment.
    """
    proxies = getproxies()  # of the environment, or else of the system's settings
    kinds = proxies.keys() & {"http", "https", "all"}
    exceptions = proxies.get("no", "")
    if not kinds or exceptions == "*":  # "*": no proxy for any address
        return
    # Once NO_PROXY is set, Python no longer looks at the system's own settings. What it
    # has found there is written into the environment.
    for kind in kinds:
        setting = f"{kind}_PROXY".upper()
        if not os.environ.get(setting) and not os.environ.get(setting.lower()):
            os.environ[setting] = proxies[kind]
    names = [name.strip() for name in exceptions.split(",") if name.strip()]
    names += [name for name in LOOPBACK if name not in names]
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = ",".join(names)

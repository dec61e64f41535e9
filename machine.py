"""What differs between machines and must not: Python's version, file types, proxies.

settings.py imports this file, so it works for every program of the course.
"""

import mimetypes
import os
import sys
from contextlib import suppress
from ipaddress import ip_address
from socket import inet_aton, inet_ntoa  # an IPv4 address as bytes, and as text
from urllib.parse import urlsplit
from urllib.request import getproxies  # the proxies that this machine uses

if sys.version_info < (3, 11):  # noqa: UP036  (ruff thinks that this cannot happen)
    sys.exit(
        "Word by Word needs Python 3.11 or later, and this is Python"
        f" {sys.version_info.major}.{sys.version_info.minor}: install a newer one from"
        " python.org, delete the folder .venv, and paste the README's command again."
    )

# Flask asks Python for the type of a file, and Python asks the machine. Some Windows
# machines say "text/plain" for .js, and then browsers do not run the script.
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
# Addresses of this machine itself. (Some people write 0.0.0.0 for it.)
LOOPBACK = ["localhost", "127.0.0.1", "::1", "0.0.0.0"]

for ending, file_type in FILE_TYPES.items():
    mimetypes.add_type(file_type, ending)

# Some terminals, and files on Windows, cannot hold every letter: many lack the arrow →.
# Print a ? in its place, and go on.
for output in sys.stdout, sys.stderr:  # what print writes to, and where errors go
    with suppress(AttributeError):  # in some editors they have no reconfigure
        output.reconfigure(errors="replace")


def use_no_proxy_for_this_machine(address=""):
    """Let HTTP clients reach this machine itself directly, and not through a proxy.

    A proxy is a server that passes requests on. To the proxy, "localhost" would mean
    the proxy's own machine. NO_PROXY or no_proxy in the environment lists the hosts
    that HTTP clients reach directly. `address` is that of a model, which may be another
    name of this machine, such as http://127.0.0.2:11434/v1.
    """
    proxies = getproxies()  # by kind: http, https, all; and "no", which is NO_PROXY
    kinds = [kind for kind in ("http", "https", "all") if kind in proxies]
    direct = proxies.get("no", "")
    if direct == "*":  # all hosts are reached directly
        return
    hosts = [host.strip().strip("[]") for host in direct.split(",")]  # [::1] is ::1
    hosts = [host for host in hosts if host and is_readable(host)]
    # Once NO_PROXY is set, Python no longer looks at the proxies in the settings of the
    # system. So write those into the environment as well.
    for kind in kinds:
        setting = f"{kind}_PROXY".upper()
        if not os.environ.get(setting) and not os.environ.get(setting.lower()):
            os.environ[setting] = proxies[kind]
    names = [*LOOPBACK, host_of(address)] if is_loopback(address) else LOOPBACK
    if kinds:
        hosts += [name for name in names if name not in hosts]
    if kinds or direct:
        os.environ["NO_PROXY"] = ",".join(hosts)
        os.environ["no_proxy"] = ",".join(hosts)  # some clients read only this one


def is_readable(host):
    """Whether HTTP clients can read a host in NO_PROXY.

    A letter like ü, or an IPv6 network such as fe80::/10, makes some raise an error.
    """
    is_network = ":" in host and "/" in host
    return host.isascii() and not is_network


def is_loopback(address):
    """Whether an address leads to this machine itself: localhost, or 127.x.x.x."""
    host = host_of(address).removesuffix(".")
    with suppress(OSError):  # no IPv4 address
        host = inet_ntoa(inet_aton(host))  # 127.1 becomes 127.0.0.1
    try:
        return ip_address(host).is_loopback
    except ValueError:  # a name
        return host == "localhost" or host.endswith(".localhost")


def host_of(address):
    """Return the host in an address, in lower case; "" if there is none."""
    return urlsplit(address).hostname or ""

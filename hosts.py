"""The host names by which this server may be reached.

A host name is the part of an address between http:// and the port: localhost, or
192.168.1.5. Browsers send it along with each request.
"""

import re  # patterns: \w is a letter or digit, \s a space, + one or more, * any number
import socket
from urllib.parse import urlsplit

import click  # the library with which Flask reads its command line

from settings import place_of, stop, value_of


def trusted_hosts():
    """Return the host names by which the server may be reached, a list of str.

    TRUSTED_HOSTS lists them. Without it they are this machine's names for itself, and
    those in the addresses that `flask run` prints.
    """
    value = value_of("TRUSTED_HOSTS")
    if not value:
        return ["localhost", "127.0.0.1", *printed_hosts()]  # * adds all of them
    words = re.split(r"[,;\s]+", value)  # cut at commas, semicolons and spaces
    hosts = [host_name(word) for word in words if word]
    if not hosts:  # an empty list would let Flask answer to every name
        stop_at_host(value)
    return hosts


def host_name(word):
    """Return the host name in a word such as "http://LOCALHOST:8000/", or stop.

    A name that begins with a dot, or with "*.", stands for all names that end with it.
    """
    address = re.sub(r"^\w+://", "", word.strip("\"'"))  # without http://
    # One colon is before a port. Two or more are in an IPv6 address, such as ::1. That
    # is written in brackets, to tell its colons from the port's.
    if address.count(":") < 2:
        address = address.strip("[]")
    elif "[" not in address:
        address = f"[{address}]"
    try:
        name = urlsplit(f"//{address}").hostname or ""  # in small letters, without port
        starts_with_dot = name.startswith((".", "*."))
        name = name.removeprefix("*").removeprefix(".")
        sent = name.encode("idna").decode()  # browsers send ü as xn--...
    except ValueError:
        stop_at_host(word)
    # No request is for all addresses, or for a whole network: 192.168.1.0/24.
    if name in ("0.0.0.0", "::") or re.search(r"/\d+$", address):
        stop_at_host(word)
    if ":" in name:
        return IPv6Host(f"[{name}]")
    # words of letters and digits, with dots between them
    if not re.fullmatch(r"[\w-]+(\.[\w-]+)*", name):
        stop_at_host(word)
    return f".{sent}" if starts_with_dot else sent


def stop_at_host(word):
    """Stop: no browser sends this as the name of a host."""
    place = place_of("TRUSTED_HOSTS")
    stop(
        f"TRUSTED_HOSTS in {place} has {word}, which is not a host name: write"
        " names and addresses, separated by commas, such as"
        " localhost,127.0.0.1,192.168.1.5."
    )


class IPv6Host(str):
    """An IPv6 address in brackets, such as [::1], that Werkzeug can compare."""

    def partition(self, separator):
        """Return the whole address, with nothing after it.

        Werkzeug cuts a name at its first colon with partition(":"), to remove the port.
        Here the first colon belongs to the address.
        """
        return str(self), "", ""


# What `flask run` prints


def running_server():
    """Return the command `flask run`, while it starts a server; else None."""
    command = click.get_current_context(silent=True)  # the one that was typed, if any
    if command and command.info_name == "run":
        return command
    return None


def printed_hosts():
    """Return the host names in the addresses that `flask run` prints, a list of str."""
    command = running_server()
    if not command:
        return []
    host = command.params["host"]  # of `flask run --host`; 127.0.0.1 without it
    if host == "0.0.0.0":  # all IPv4 addresses of this machine: Flask prints two
        return ["127.0.0.1", own_ipv4()]
    if host == "::":  # all IPv6 addresses
        return [IPv6Host("[::1]"), IPv6Host(f"[{own_ipv6()}]")]
    if ":" in host:
        return [IPv6Host(f"[{host}]")]
    # Browsers send a name in small letters, and other programs as it was printed.
    return list(dict.fromkeys([host.lower(), host]))  # a dict has each key once


def own_ipv4():
    """Return the IPv4 address by which other machines reach this one."""
    return own_address(socket.AF_INET, "10.255.255.255") or "127.0.0.1"


def own_ipv6():
    """Return the IPv6 address by which other machines reach this one."""
    return own_address(socket.AF_INET6, "fd00::1") or "::1"


def own_address(family, elsewhere):
    """Return this machine's address on the way to another one; None without a network.

    A socket is one end of a connection. To connect one of this kind (SOCK_DGRAM) sends
    nothing: it only chooses the address from which something would be sent.
    """
    with socket.socket(family, socket.SOCK_DGRAM) as end:
        try:
            end.connect((elsewhere, 9))  # any port will do
        except OSError:
            return None
        return end.getsockname()[0]

"""What .env and the environment say, and where each value comes from.

A setting is an environment variable. `flask run` adds the lines of .env to the
environment. A variable that is already there keeps its value: the environment wins.
Other servers, such as gunicorn, do not read .env, so this file reads it for them.
"""

import logging
import os
import re
import socket
import sys
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import click  # the library with which Flask reads its command line
from dotenv import dotenv_values, find_dotenv
from flask.helpers import get_load_dotenv

import machine  # noqa: F401  checks Python's version, prepares files and printing

# All settings of this program and of the lessons, but for those of a provider.
SETTINGS = [
    "MODEL",
    "MODEL_TIMEOUT",
    "MODEL_RETRIES",
    "ANSWER_SECONDS",
    "ANSWERS_AT_ONCE",
    "TRUSTED_HOSTS",
    "COURSE_BEHIND_PROXY",
    "SSL_CERT_FILE",
    "ORIGINS",
    "HEARTBEAT",
    "SERVER_KEY",
    "ASKS_A_MINUTE",
    "ANSWERS_KEPT",
    "ANSWERS_MIB",
    "READERS_AT_ONCE",
    "REDIS_URL",
]


def stop(sentence):
    """End the program with one sentence, and without a traceback."""
    raise SystemExit(sentence)


# Where a value comes from


IN_A_PARENT_FOLDER = "the .env of a parent folder"


class EnvFile(NamedTuple):
    """A file with settings, one on each line: NAME=value."""

    name: str  # what a sentence calls it: ".env"
    path: Path
    values: dict  # by name; a value is None where the line has no "="


def read_env_files():
    """Add .env to the environment, as `flask run` does; return the EnvFiles read.

    The first one wins: the file of `flask --env-file`, then .env. Flask looks for .env
    in the current folder, and then in the folders above it.
    """
    files = []
    chosen = chosen_env_file()
    if chosen and Path(chosen).is_file():
        files.append(read_env_file(Path(chosen).name, chosen))
    # Tests and checks set one of these two: they never read a student's .env.
    if get_load_dotenv() and "PYTHON_DOTENV_DISABLED" not in os.environ:
        found = find_dotenv(usecwd=True)  # "" if there is none
        if found:
            is_here = Path(found).parent == Path.cwd()
            name = ".env" if is_here else IN_A_PARENT_FOLDER
            files.append(read_env_file(name, found))
    for file in files:
        for setting, value in file.values.items():
            if value is not None:
                os.environ.setdefault(setting, value)
    return files


def read_env_file(name, path):
    """Return the EnvFile at a path, or stop if it is not text in UTF-8."""
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        # Flask has read the file before us, and has warned of lines that are none.
        logging.getLogger("dotenv").setLevel(logging.ERROR)
    try:
        return EnvFile(name, Path(path), dotenv_values(path))
    except UnicodeDecodeError:
        stop(f"{name} is not in UTF-8: save it again in this encoding.")


def chosen_env_file():
    """Return the file that `flask --env-file` or FLASK_ENV_FILE names, or None."""
    words = sys.argv[1:]
    for place, word in enumerate(words):
        if word.startswith("--env-file="):
            return word.removeprefix("--env-file=")
        if word in ("-e", "--env-file") and place + 1 < len(words):
            return words[place + 1]
    return os.environ.get("FLASK_ENV_FILE")


ENV_FILES = read_env_files()


def value_of(setting):
    """Return the value of a setting, a str; "" if it has none.

    Stop if there are quotation marks around it, as cmd.exe's `set` and Docker's
    --env-file leave them: no key, number or address begins with one.
    """
    value = os.environ.get(setting, "").strip()
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        stop(
            f"{setting} in {place_of(setting)} has quotation marks around its value:"
            " remove them."
        )
    return value


def place_of(setting):
    """Return where a setting has its value: ".env", or "the environment".

    For a setting without a value, return where to write it: ".env".
    """
    value = os.environ.get(setting)
    if not value:
        return ".env"
    for file in ENV_FILES:
        if file.values.get(setting) == value:
            return file.name
    return "the environment"


def check_byte_order_mark():
    """Stop if .env begins with a mark that became a part of its first setting's name.

    Some editors put it there. Newer versions of python-dotenv take it away.
    """
    for setting in os.environ:
        if setting.startswith("\ufeff"):
            stop(
                f".env begins with a byte order mark, so {setting[1:]} is not found:"
                " save the file as UTF-8 without one."
            )


# Numbers


def number(setting, default, least=1):
    """Return the whole number that a setting holds, or stop if it is none."""
    value = value_of(setting) or str(default)
    # isdigit alone would take ² for a digit
    is_number = value.isascii() and value.isdigit() and len(value) <= 6
    if not is_number or int(value) < least:
        stop(f"{setting}={value}: write a whole number, {least} to 999999.")
    return int(value)


# Host names


def trusted_hosts():
    """Return the host names by which the server may be reached, a list of str.

    TRUSTED_HOSTS lists them. Without it they are this machine's names for itself, and
    those in the addresses that `flask run` prints.
    """
    value = value_of("TRUSTED_HOSTS")
    if not value:
        return ["localhost", "127.0.0.1", *printed_hosts()]
    words = [word for word in re.split(r"[,;\s]+", value) if word]
    if not words:  # an empty list would let Flask answer to every name
        stop_at_host(value)
    return [host_name(word) for word in words]


def host_name(word):
    """Return the host name in a word such as "http://LOCALHOST:8000/", or stop.

    A name that begins with a dot, or with "*.", stands for all names that end with it.
    """
    address = re.sub(r"^\w+://", "", word.strip("\"'"))
    if address.count(":") < 2:
        address = address.strip("[]")  # of a list, as some languages write it
    elif "[" not in address:
        address = f"[{address}]"  # IPv6
    try:
        name = urlsplit(f"//{address}").hostname or ""  # in small letters, no port
        dot = "." if name.startswith((".", "*.")) else ""
        rest = name.removeprefix("*").removeprefix(".")
        name = dot + rest.encode("idna").decode()  # ü in the way of host names: xn--...
    except ValueError:
        stop_at_host(word)
    if ":" in name:
        return IPv6Host(f"[{name}]")
    if name == "0.0.0.0" or not re.fullmatch(r"\.?[\w-]+(\.[\w-]+)*", name):
        stop_at_host(word)
    return name


def stop_at_host(word):
    """Stop: no browser sends this as the name of a host."""
    place = place_of("TRUSTED_HOSTS")
    stop(
        f"TRUSTED_HOSTS in {place} has {word}, which is not the name of a host: write"
        " names and addresses with commas between them, such as"
        " localhost,127.0.0.1,192.168.1.5."
    )


class IPv6Host(str):
    """An IPv6 address in brackets, such as [::1].

    Werkzeug cuts a trusted name at its first colon, where a port would begin. In this
    one each colon belongs to the address.
    """

    def partition(self, separator):
        """Return the whole address as the part before the separator."""
        return str(self), "", ""


def printed_hosts():
    """Return the host names in the addresses that `flask run` prints, a list of str."""
    command = click.get_current_context(silent=True)
    if not command or command.info_name != "run":
        return []
    host = command.params["host"]  # of `flask run --host`; else 127.0.0.1
    if host == "0.0.0.0":  # all addresses of this machine: two of them are printed
        return ["127.0.0.1", own_address(socket.AF_INET, "10.255.255.255")]
    if host == "::":
        return [
            IPv6Host("[::1]"),
            IPv6Host(f"[{own_address(socket.AF_INET6, 'fd00::1')}]"),
        ]
    return [IPv6Host(f"[{host}]") if ":" in host else host.lower()]


def own_address(family, elsewhere):
    """Return the address of this machine on the network that leads elsewhere."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((elsewhere, 9))  # it only finds the way, and sends nothing
        except OSError:  # there is no network
            return "127.0.0.1" if family == socket.AF_INET else "::1"
        return probe.getsockname()[0]

"""What .env and the environment say, and where each value comes from.

A setting is an environment variable: a name and a value that the system gives to each
program at its start. (The environment in .venv is something else.) `flask run` adds the
lines of .env to them. A variable that already has a value keeps it: the environment
wins. Other servers, such as gunicorn, do not read .env, so this file does it for them.
"""

import logging
import os
import sys
from pathlib import Path
from typing import NamedTuple

from dotenv import dotenv_values, find_dotenv
from flask.helpers import get_load_dotenv  # whether Flask may read .env

# Importing it is enough: it checks Python's version, and prepares files and printing.
import machine  # noqa: F401  (for ruff: the name is not used below)

# The names of all settings, except those of a provider.
SETTINGS = [
    "MODEL",
    "MODEL_TIMEOUT",
    "MODEL_RETRIES",
    "ANSWER_SECONDS",
    "ANSWERS_AT_ONCE",
    "TRUSTED_HOSTS",
    "SSL_CERT_FILE",
    "COURSE_BEHIND_PROXY",
    # of single lessons
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

    The first one wins: the file of `flask --env-file`, then .env, then .flaskenv. Flask
    looks for .env in the current folder, and then in the folders above it.
    """
    files = []
    chosen = chosen_env_file()
    if chosen and Path(chosen).is_file():
        files.append(read_env_file(Path(chosen).name, chosen))
    # Both FLASK_SKIP_DOTENV and PYTHON_DOTENV_DISABLED mean that .env is not read.
    # Tests and checks set them, so that they never use a student's key.
    if get_load_dotenv() and "PYTHON_DOTENV_DISABLED" not in os.environ:
        found = find_dotenv(usecwd=True)  # from the current folder up; "" if nowhere
        if found:
            is_here = Path(found).parent == Path.cwd()
            name = ".env" if is_here else IN_A_PARENT_FOLDER
            files.append(read_env_file(name, found))
        if Path(".flaskenv").is_file():
            files.append(read_env_file(".flaskenv", ".flaskenv"))
    for file in files:
        for setting, value in file.values.items():
            if value is not None:
                os.environ.setdefault(setting, value)
    return files


def read_env_file(name, path):
    """Return the EnvFile at a path, or stop if it is not text in UTF-8."""
    if os.environ.get("FLASK_RUN_FROM_CLI") == "true":
        # Flask has read the file already, and has warned of lines that make no sense.
        logging.getLogger("dotenv").setLevel(logging.ERROR)
    try:
        return EnvFile(name, Path(path), dotenv_values(path))
    except UnicodeDecodeError:
        stop(f"{name} is not in UTF-8: save it again in this encoding.")


def chosen_env_file():
    """Return the file that `flask --env-file` or FLASK_ENV_FILE names, or None."""
    words = sys.argv[1:]  # what was typed after `flask`
    for position, word in enumerate(words[:-1]):
        if word in ("-e", "--env-file"):
            return words[position + 1]
    for word in words:
        if word.startswith("--env-file="):
            return word.removeprefix("--env-file=")
        if word.startswith("-e"):  # as in -eclass.env
            return word.removeprefix("-e")
    return os.environ.get("FLASK_ENV_FILE")


ENV_FILES = read_env_files()


def value_of(setting):
    """Return the value of a setting, a str; "" if it has none.

    Stop if there is a quotation mark before or after it. cmd.exe and Docker leave such
    marks there, and no key, number or address has any.
    """
    value = os.environ.get(setting, "").strip()
    if value.strip("\"'") != value:
        stop(
            f"{setting} in {place_of(setting)} has a quotation mark before or after"
            " its value: remove it."
        )
    return value


def place_of(setting):
    """Return where a setting's value comes from: ".env", or "the environment".

    For a setting without a value, return where to write it: ".env".
    """
    value = os.environ.get(setting, "").strip()
    if not value:
        return ".env"
    for file in ENV_FILES:
        written = file.values.get(setting) or ""
        if written.strip() == value:
            return file.name
    return "the environment"


def check_byte_order_mark():
    """Stop if the first line of .env begins with an invisible mark.

    Some editors put it there. It becomes a part of the setting's name, which is then
    not found. Newer versions of python-dotenv remove it.
    """
    for setting in os.environ:
        if setting.startswith("\ufeff"):  # the mark
            stop(
                f".env begins with a byte order mark, so {setting[1:]} is not found:"
                " save the file as UTF-8 without one."
            )


# Numbers


def number(setting, default, least=1):
    """Return the whole number that a setting holds, or stop if it is not one."""
    value = value_of(setting) or str(default)
    # isdigit alone would take ² for a digit
    is_number = value.isascii() and value.isdigit() and len(value) <= 6
    if not is_number or int(value) < least:
        stop(f"{setting}={value}: write a whole number from {least} to 999999.")
    return int(value)

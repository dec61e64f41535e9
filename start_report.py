"""What `flask run` prints at its start, in addition to Flask's own lines.

It says which model answers, where its settings come from, and which lines of .env have
no effect. It never shows a value, or a name that it does not know: either can be a key.
"""

import os
import re  # patterns: | means "or", . anything, + one or more, \w a letter or digit
import sys
from difflib import get_close_matches  # finds words that are nearly the same
from io import StringIO  # lets text be read like a file
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from werkzeug.serving import is_running_from_reloader
from werkzeug.wsgi import host_is_trusted

from hosts import printed_hosts, running_server, trusted_hosts
from providers import (
    CHAT_MODELS,
    address_setting,
    all_settings,
    key_setting,
    provider_of,
    proxy_of,
)
from settings import ENV_FILES, IN_A_PARENT_FOLDER, SETTINGS, place_of, value_of

# Settings that libraries read. A line that sets one of them has an effect.
OF_LIBRARIES = re.compile(
    "(FLASK|WERKZEUG|GUNICORN|LANGSMITH|LANGCHAIN|LC|OTEL|SSL|TIKTOKEN)_.+|PYTHON.+"
    "|(OPENAI|ANTHROPIC)_(ORG_ID|ORGANIZATION|PROJECT_ID|CUSTOM_HEADERS|LOG)"
    "|ANTHROPIC_AUTH_TOKEN|NO_PROXY|no_proxy|REQUESTS_CA_BUNDLE|TZ"
)
# What other programs and tutorials call a setting, and its name here.
OTHER_NAMES = {
    "API_KEY": "OPENAI_API_KEY",
    "BASE_URL": "OPENAI_BASE_URL",
    "OPENAI_URL": "OPENAI_BASE_URL",
    "OPENAI_MODEL": "MODEL",
    "OPENAI_MODEL_NAME": "MODEL",
    "MODEL_NAME": "MODEL",
    "ANTHROPIC_MODEL": "MODEL",
    "CLAUDE_API_KEY": "ANTHROPIC_API_KEY",
    "TIMEOUT": "MODEL_TIMEOUT",
    "PORT": "FLASK_RUN_PORT",
    "HOST": "FLASK_RUN_HOST",
}
# Files that are easily taken for .env. Windows hides the ending of ".env.txt".
MISNAMED = [".env.txt", "env.txt", "env", ".env.env", ".env.local", ".env.rtf"]


def report_without_effect():
    """Print a line for each setting and file without an effect, if a server starts.

    This comes before any check of the settings: it may be why one of them is missing.
    """
    if is_starting():
        print_lines(about_env_files() + about_misnamed_files())


def report_start(name):
    """If a server starts, print which model answers, and which addresses it refuses."""
    if is_starting():
        print_lines([about_model(name), *about_hosts()])


def is_starting():
    """Whether a server starts: commands such as `flask check` print something else.

    With --debug Flask starts a second time, from the reloader. That does not count.
    """
    return running_server() and not is_running_from_reloader()


def print_lines(lines):
    """Print lines where Flask prints its own."""
    for line in lines:
        print(f" * {line}", file=sys.stderr)


def about_model(name):
    """Return which model answers, and where the values of its settings come from."""
    provider = provider_of(name)
    settings = [key_setting(provider), address_setting(provider), *SETTINGS]
    if provider in CHAT_MODELS:
        # Without an address of its own, a provider's client asks one with https.
        address = value_of(address_setting(provider)) or f"https://{provider}.example"
        proxy = proxy_of(address)
        settings += [proxy] if proxy else []
    parts = []
    for setting in settings:
        if value_of(setting):
            parts.append(f"{setting} from {place_of(setting)}{about_others(setting)}")
    rest = "all other settings" if parts else "all settings"
    parts.append(f"{rest} by default")
    return f"Model: {name} ({', '.join(parts)})"


def about_others(setting):
    """Return a note if .env sets a setting too, but the environment wins; else ""."""
    others = [file for file in ENV_FILES if file.values.get(setting)]
    if others and place_of(setting) == "the environment":
        return f", which overrides {others[0].name}"
    return ""


# Lines and files without an effect


def about_env_files():
    """Return a line for each thing in .env that has no effect, a list of str."""
    lines = []
    for file in ENV_FILES:
        if file.name == IN_A_PARENT_FOLDER:
            lines.append(f"Flask found no .env in this folder, and reads {file.path}.")
        else:
            text = file.path.read_text(encoding="utf-8")
            lines += about_lines(file.name, text)
    return lines


def about_lines(name, text):
    """Return a sentence for each line of .env that has no effect, a list of str.

    The text is that of the file, and the name is what a sentence calls it.
    """
    # A binding is what a line says: a key (the setting), a value, and the original (the
    # line itself, and its number).
    bindings = list(parse_stream(StringIO(text)))
    last_lines = {}  # by setting: the last line that sets it, which wins
    for binding in bindings:
        last_lines[binding.key] = binding.original.line
    sentences = []
    for binding in bindings:
        line = binding.original.line
        why = why_without_effect(binding)
        if not why and binding.key and line != last_lines[binding.key]:
            why = f"line {last_lines[binding.key]} sets {binding.key} again"
        # The environment wins, even with an empty value.
        if not why and binding.value and os.environ.get(binding.key, "-").strip() == "":
            why = f"the environment sets {binding.key} to an empty value"
        if why:
            sentences.append(f"Line {line} of {name} has no effect: {why}.")
    return sentences


def why_without_effect(binding):
    """Return why a line of .env has no effect, and what to write; "" if it has one."""
    setting = binding.key or ""
    if os.name == "nt":
        setting = setting.upper()  # on Windows capital and small letters are the same
    is_comment = not binding.key and not binding.error
    if is_comment or OF_LIBRARIES.fullmatch(setting):
        return ""
    if setting in all_settings() and binding.value is not None:
        return ""
    line = binding.original.string
    meant = setting_meant(line)
    # Without a mistake in its value, this line would have set it.
    if meant and line.partition("=")[0].strip() == meant and "=" in line:
        return "remove the quotation marks in it"
    if meant:
        return f"to set {meant}, write {meant}=... there"
    if binding.value and setting.isidentifier():  # a key has a hyphen in it
        return "this program has no such setting: .env.example lists the ones it has"
    return (
        "a line is NAME=value. If this one is your key, write OPENAI_API_KEY= before it"
    )


def setting_meant(line):
    """Return the setting that a line such as "$env:OPENAI_KEY=..." means, or None."""
    name = line.partition("=")[0].upper().replace("-", "_")
    # Text that is copied from a web page may have invisible characters in it.
    name = "".join(
        letter for letter in name if letter.isprintable() or letter.isspace()
    )
    words = re.findall(r"\w+", name)
    for setting in all_settings():
        if setting in words:
            return setting
    for word in words:
        if word in OTHER_NAMES:
            return OTHER_NAMES[word]
    if not words:
        return None
    # one setting, if most of the first word is the same
    near = get_close_matches(words[0], all_settings(), n=1, cutoff=0.82)
    return near[0] if near else None


def about_misnamed_files():
    """Return a line for each file that somebody may take for .env, a list of str."""
    read = [file.path.resolve() for file in ENV_FILES]
    lines = []
    for path in sorted(Path().iterdir()):
        small = path.name.lower()  # some machines tell .env and .ENV apart
        if "env" not in small or path.name == ".env" or not path.is_file():
            continue
        if path.resolve() in read:
            continue
        if small == ".env.example":
            # All its lines are comments, until somebody writes a setting there.
            if dotenv_values(path) and not Path(".env").is_file():
                lines.append("The file .env.example is not read: copy it to .env.")
        elif small in MISNAMED or (not read and has_setting(path)):
            lines.append(f"The file {path.name} is not read: rename it to .env.")
    return lines


def has_setting(path):
    """Whether a line of a file sets one of our settings, as in .env."""
    try:
        bindings = parse_stream(StringIO(path.read_text(encoding="utf-8")))
        keys = {binding.key for binding in bindings}
    except (OSError, UnicodeDecodeError):
        return False
    return not keys.isdisjoint(all_settings())


# Addresses that are refused


def about_hosts():
    """Return a line for each address that Flask prints, although it is refused.

    Without TRUSTED_HOSTS there is none: trusted_hosts returns what Flask prints.
    """
    if not value_of("TRUSTED_HOSTS"):
        return []
    hosts = trusted_hosts()
    lines = []
    for host in printed_hosts():
        is_small = host == host.lower()  # as a browser sends it
        if is_small and not host_is_trusted(host, hosts):
            place = place_of("TRUSTED_HOSTS")
            lines.append(
                f"Flask prints an address with {host}, but this server refuses it: add"
                f" {host} to TRUSTED_HOSTS in {place}."
            )
    return lines

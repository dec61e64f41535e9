"""What `flask run` prints at its start, in addition to Flask's own lines.

It says which model answers, where its settings come from, and which lines of .env have
no effect. It never shows a value, nor a name that it does not know: both can be a key.
"""

import os
import re
import sys
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

import click
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from werkzeug.serving import is_running_from_reloader
from werkzeug.wsgi import host_is_trusted

from providers import address_setting, all_settings, key_setting, provider_of
from settings import (
    ENV_FILES,
    IN_A_PARENT_FOLDER,
    SETTINGS,
    place_of,
    printed_hosts,
    trusted_hosts,
    value_of,
)

# Settings that libraries read. A line with one of them has an effect.
OF_LIBRARIES = re.compile(
    "(FLASK|WERKZEUG|GUNICORN|LANGSMITH|LANGCHAIN|LC|OTEL|SSL|TIKTOKEN)_.+|PYTHON.+"
    "|(OPENAI|ANTHROPIC)_(ORG_ID|ORGANIZATION|PROJECT_ID|CUSTOM_HEADERS|LOG)"
    "|ANTHROPIC_AUTH_TOKEN|NO_PROXY|no_proxy|REQUESTS_CA_BUNDLE|TZ"
)
# Files that are easily taken for .env. Windows hides the ending of ".env.txt".
MISNAMED = [".env.txt", "env.txt", "env", ".env.env", ".env.local", ".env.rtf"]


def report_start(name):
    """Print which model answers, and a line for each setting without an effect.

    Print nothing unless a server starts: commands such as `flask check` have an output
    of their own. With --debug Flask starts twice, and the second start is silent.
    """
    command = click.get_current_context(silent=True)
    is_server = command is not None and command.info_name == "run"
    if not is_server or is_running_from_reloader():
        return
    lines = [about_model(name), *about_env_files(), *about_misnamed_files()]
    for line in [*lines, *about_hosts()]:
        print(f" * {line}", file=sys.stderr)


def about_model(name):
    """Return which model answers, and where the values of its settings come from."""
    provider = provider_of(name)
    parts = []
    for setting in [key_setting(provider), address_setting(provider), *SETTINGS]:
        if value_of(setting):
            parts.append(f"{setting} from {place_of(setting)}{about_rivals(setting)}")
    rest = "all other settings" if parts else "all settings"
    return f"Model: {name} ({', '.join([*parts, f'{rest} by default'])})"


def about_rivals(setting):
    """Return a note if .env has another value for a setting, which has no effect."""
    rivals = [file for file in ENV_FILES if file.values.get(setting)]
    if rivals and place_of(setting) == "the environment":
        return f", which wins over {rivals[0].name}"
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
    """Return a line for each line of a file of this name that has no effect."""
    bindings = list(parse_stream(StringIO(text)))
    last = {binding.key: binding.original.line for binding in bindings}
    lines = []
    for binding in bindings:
        number = binding.original.line
        why = why_without_effect(binding)
        if not why and binding.key and number != last[binding.key]:
            why = f"line {last[binding.key]} sets {binding.key} again"
        if why:
            lines.append(f"Line {number} of {name} has no effect: {why}.")
    return lines


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
    meant = setting_meant(binding.original.string)
    if meant:
        return f"to set {meant}, write {meant}=... there"
    if binding.value:
        return "this program has no such setting. .env.example lists all it has"
    return (
        "a line is NAME=value. If this one is your key, write OPENAI_API_KEY= before it"
    )


def setting_meant(line):
    """Return the setting that a line such as "$env:OPENAI_KEY=..." means, or None."""
    name = line.partition("=")[0].upper().replace("-", "_")
    words = re.findall(r"\w+", name)
    for setting in all_settings():
        if setting in words:
            return setting
    near = get_close_matches(words[0], all_settings(), 1, cutoff=0.8) if words else []
    return near[0] if near else None


def about_misnamed_files():
    """Return a line for each file that somebody may take for .env, a list of str."""
    lines = []
    for name in MISNAMED:
        if Path(name).is_file():
            lines.append(f"The file {name} is not read: rename it to .env.")
    # All lines of .env.example are comments, until somebody writes a setting there.
    if dotenv_values(".env.example") and not Path(".env").is_file():
        lines.append("The file .env.example is not read: copy it to .env.")
    return lines


# Addresses that are refused


def about_hosts():
    """Return a line for each address that `flask run` prints but that is refused."""
    hosts = trusted_hosts()
    lines = []
    for host in printed_hosts():
        if not host_is_trusted(host, hosts):
            place = place_of("TRUSTED_HOSTS")
            lines.append(
                f"TRUSTED_HOSTS in {place} lacks {host}: this server refuses the"
                " address with it that Flask prints. Add it there."
            )
    return lines

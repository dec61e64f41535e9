"""Settings: where each value comes from, and which lines of .env have no effect."""

import os
import re
import subprocess
import sys
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
import requests
from click import Command, Context
from support import LIMIT, ROOT
from support.servers import free_port
from werkzeug.wsgi import host_is_trusted

import settings
from hosts import trusted_hosts
from providers import all_settings
from settings import SETTINGS, EnvFile, number, place_of, value_of
from start_report import about_hosts, about_lines, about_misnamed_files

SECRET = "sk-secret-of-a-student"


def set_in(monkeypatch, place, **values):
    """Set settings as a file with this name would."""
    file = EnvFile(place, Path(place), values)
    monkeypatch.setattr(settings, "ENV_FILES", [file])
    for setting, value in values.items():
        monkeypatch.setenv(setting, value)


def test_every_setting_of_env_example_is_known():
    """start_report.py would say that a line with it has no effect."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = set(re.findall(r"(?m)^#([A-Z_]+)=", text))
    assert len(names) > 15 and names <= set(all_settings())
    assert set(SETTINGS) <= names


# Where a value comes from


def test_a_setting_without_a_value_belongs_in_env():
    assert place_of("OPENAI_API_KEY") == ".env"


def test_the_place_is_the_file_that_has_this_value(monkeypatch):
    set_in(monkeypatch, "practice.env", MODEL="practice")
    assert place_of("MODEL") == "practice.env"
    monkeypatch.setenv("MODEL", "openai:gpt-5")  # it was there first, and wins
    assert place_of("MODEL") == "the environment"


QUOTED = ['"5"', "'5'", ' "5" ', '"sk-abc"', "''", '"', '"5', "5'"]
QUOTED += ["'localhost','192.168.1.5'"]


@pytest.mark.parametrize("value", QUOTED)
@pytest.mark.parametrize(
    "setting", ["MODEL_TIMEOUT", "OPENAI_API_KEY", "TRUSTED_HOSTS"]
)
def test_quotation_marks_around_a_value_stop_the_start(monkeypatch, setting, value):
    """cmd.exe's `set` leaves them there, and so does docker run --env-file."""
    monkeypatch.setenv(setting, value)
    with pytest.raises(SystemExit) as stopped:
        value_of(setting)
    assert str(stopped.value) == (
        f"{setting} in the environment has a quotation mark before or after its value:"
        " remove it."
    )


def test_a_number_in_quotation_marks_stops_the_start(monkeypatch):
    monkeypatch.setenv("HEARTBEAT", '"15"')
    with pytest.raises(SystemExit, match="quotation mark"):
        number("HEARTBEAT", 15)


# The names under which the server may be reached

SPELLINGS = {
    "LOCALHOST": "localhost:8000",
    "http://localhost:8000/": "localhost:8000",
    "https://School.Example": "school.example",
    "192.168.1.5:8000": "192.168.1.5:8000",
    "[192.168.1.5]": "192.168.1.5:8000",
    "[localhost, 192.168.1.5]": "192.168.1.5:8000",
    "localhost 192.168.1.5": "192.168.1.5",
    "localhost;192.168.1.5,": "192.168.1.5",
    "localhost,'192.168.1.5',a": "192.168.1.5",
    "::1": "[::1]:8000",
    "[::1]": "[::1]:8000",
    "[::1]:8000": "[::1]",
    "http://[fd00::5]:8000": "[fd00::5]:8000",
    "*.school.example": "chat.school.example:8000",
    ".school.example": "school.example",
    "münchen.example": "xn--mnchen-3ya.example",
}
NO_HOSTS = ["*", "0.0.0.0", ",", ".", "..school.example", "local_host!", "a b*", "**"]
NO_HOSTS += ["::", "[::]:8000", "192.168.1.0/24", "\u201clocalhost\u201d", "a\u200b"]


@pytest.mark.parametrize(("value", "host"), SPELLINGS.items())
def test_other_spellings_of_a_host_are_understood(monkeypatch, value, host):
    monkeypatch.setenv("TRUSTED_HOSTS", value)
    hosts = trusted_hosts()
    assert host_is_trusted(host, hosts)
    assert not host_is_trusted("evil.example", hosts)
    assert not host_is_trusted("[::2]", hosts)


@pytest.mark.parametrize("value", NO_HOSTS)
def test_what_is_no_host_stops_the_start(monkeypatch, value):
    monkeypatch.setenv("TRUSTED_HOSTS", value)
    with pytest.raises(SystemExit) as stopped:
        trusted_hosts()
    assert "which is not a host name" in str(stopped.value)


def test_without_the_setting_this_machine_is_trusted_only():
    assert trusted_hosts() == ["localhost", "127.0.0.1"]


# A line of .env without an effect

HALF_QUOTED = [
    f'OPENAI_API_KEY="{SECRET}',
    f"OPENAI_API_KEY=\"{SECRET}'",
    f'OPENAI_API_KEY = "{SECRET}" mine',
    f"  OPENAI_API_KEY='{SECRET}'s",
]
INVISIBLE = ["OPENAI\u200b_API_KEY", "\u200bOPENAI_API_KEY", "OPENAI_API_KEY\u2060"]


@pytest.mark.parametrize("line", HALF_QUOTED)
def test_quotation_marks_that_do_not_match_are_named(line):
    [said] = about_lines(".env", line)
    assert said == "Line 1 of .env has no effect: remove the quotation marks in it."


@pytest.mark.parametrize("name", [*INVISIBLE, "set\tOPENAI_API_KEY"])
def test_a_name_with_invisible_characters_is_understood(name):
    [said] = about_lines(".env", f"{name}={SECRET}")
    assert "to set OPENAI_API_KEY, write OPENAI_API_KEY=... there" in said


@pytest.mark.parametrize("value", ["", "  "])
def test_a_line_that_an_empty_variable_overrides_is_named(monkeypatch, value):
    """As in a shell where somebody has emptied the variable to get rid of its value."""
    monkeypatch.setenv("OPENAI_API_KEY", value)
    said = about_lines(".env", f"OPENAI_API_KEY={SECRET}\nMODEL=\nHEARTBEAT=5")
    assert said == [
        "Line 1 of .env has no effect: the environment sets OPENAI_API_KEY to an empty"
        " value."
    ]


def test_a_file_that_is_not_read_may_have_capital_letters(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path(".ENV.TXT").write_text("MODEL=practice", encoding="utf-8")
    assert about_misnamed_files() == [
        "The file .ENV.TXT is not read: rename it to .env."
    ]


# `flask run`, as a student types it in a folder with these files


class Started:
    """A server that was started, its lines, and its port."""

    def __init__(self, folder, words, env):
        self.port = free_port()
        self.log = folder / "log"
        command = [sys.executable, *words, "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder, env=env, stdout=log, stderr=subprocess.STDOUT
            )
        until = monotonic() + 6 * LIMIT  # a busy machine takes its time
        while "CTRL+C" not in self.log.read_text("utf-8") and monotonic() < until:
            Event().wait(0.01)

    def lines(self):
        """Return what it has printed so far, a list of str."""
        return self.log.read_text(encoding="utf-8").splitlines()

    def ours(self):
        """Return the lines about settings, without the star that begins them."""
        lines = [line.removeprefix(" * ") for line in self.lines() if line[:3] == " * "]
        flasks = ("Serving", "Debug", "Running", "Restarting", "Debugger")
        return [line for line in lines if not line.startswith(flasks)]


@pytest.fixture
def start(tmp_path):
    """Return a function that starts `flask run` in a folder; end them all at last."""
    started = []

    def run(*words, files=None, folder=".", **settings):
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        env = os.environ | {"FLASK_SKIP_DOTENV": "", "FLASK_RUN_DEBUGGER": "0"}
        env.pop("PYTHON_DOTENV_DISABLED", None)
        env.pop("SSL_CERT_FILE", None)
        app = ["-m", "flask", "--app", str(ROOT / "app.py")]
        words = words or ("run",)
        started.append(Started(place, [*app, *words], env | settings))
        return started[-1]

    yield run
    for server in started:
        server.process.terminate()
        server.process.wait(LIMIT)


pytestmark = []
slow = pytest.mark.slow


@slow
def test_with_nothing_set_it_says_that_the_practice_model_answers(start):
    assert start().ours() == ["Model: practice (all settings by default)"]


@slow
def test_it_says_where_each_setting_comes_from_and_never_its_value(start):
    files = {".env": f"OPENAI_API_KEY={SECRET}\nMODEL_TIMEOUT=20\n"}
    server = start(files=files, MODEL_TIMEOUT="10", ANSWER_SECONDS="60")
    assert server.ours() == [
        "Model: openai:gpt-4.1-mini (OPENAI_API_KEY from .env, MODEL_TIMEOUT from the"
        " environment, which overrides .env, ANSWER_SECONDS from the environment, all"
        " other settings by default)"
    ]
    assert SECRET not in "".join(server.lines())


@slow
def test_it_names_the_env_file_of_a_parent_folder(start, tmp_path):
    """Its other lines are not ours to judge: they may belong to another program."""
    files = {".env": f"OPENAI_API_KEY={SECRET}\nDATABASE=x\nsecret key\n"}
    server = start(files=files, folder="inside")
    assert server.ours() == [
        f"Flask found no .env in this folder, and reads {tmp_path / '.env'}.",
        "Model: openai:gpt-4.1-mini (OPENAI_API_KEY from the .env of a parent folder,"
        " all other settings by default)",
    ]


CHOOSING = {
    "class.env": ["--env-file", "class.env"],
    ".env.local": ["-e", ".env.local"],
    "my.env": ["-emy.env"],
}


@slow
@pytest.mark.parametrize(("name", "words"), CHOOSING.items())
def test_it_names_the_file_that_was_chosen_and_does_not_call_it_unread(
    start, name, words
):
    server = start(*words, "run", files={name: "MODEL_TIMEOUT=20\n"})
    assert server.ours() == [
        f"Model: practice (MODEL_TIMEOUT from {name}, all other settings by default)"
    ]


@slow
def test_it_names_the_flaskenv_too(start):
    server = start(files={".flaskenv": "MODEL_TIMEOUT=20\nMODELL=practice\n"})
    assert server.ours() == [
        "Line 2 of .flaskenv has no effect: to set MODEL, write MODEL=... there.",
        "Model: practice (MODEL_TIMEOUT from .flaskenv, all other settings by default)",
    ]


@slow
def test_in_debug_it_says_so_once(start):
    server = start("run", "--debug")
    until_it_answers(server)
    assert server.ours() == ["Model: practice (all settings by default)"]


def until_it_answers(server):
    page = requests.get(f"http://127.0.0.1:{server.port}", timeout=LIMIT)
    assert page.status_code == 200


ONE_LINE_EACH = {
    f"openai_api_key={SECRET}": "to set OPENAI_API_KEY, write OPENAI_API_KEY=... there",
    f'$env:OPENAI_API_KEY="{SECRET}"': "to set OPENAI_API_KEY, write",
    f"set OPENAI_API_KEY={SECRET}": "to set OPENAI_API_KEY, write",
    f"setx OPENAI_API_KEY {SECRET}": "to set OPENAI_API_KEY, write",
    f"OPENAI_API_KEY: {SECRET}": "to set OPENAI_API_KEY, write",
    f"OPENAI_KEY={SECRET}": "to set OPENAI_API_KEY, write",
    f"OPENAI-API-KEY={SECRET}": "to set OPENAI_API_KEY, write",
    f"OPENAI_APIKEY={SECRET}": "to set OPENAI_API_KEY, write",
    f'os.environ["OPENAI_API_KEY"] = "{SECRET}"': "to set OPENAI_API_KEY, write",
    "OPENAI_API_KEY": "to set OPENAI_API_KEY, write",
    SECRET: "is your key, write OPENAI_API_KEY= before it",
    f"{SECRET}=xyz==": "is your key, write OPENAI_API_KEY= before it",
    f"API_KEY={SECRET}": "to set OPENAI_API_KEY, write",
    "OPENAI_MODEL=gpt-5": "to set MODEL, write",
    "BASE_URL=http://a.example": "to set OPENAI_BASE_URL, write",
    "PORT=5000": "to set FLASK_RUN_PORT, write",
    "SECRET_KEY=a": "this program has no such setting",
    f"{SECRET}=": "is your key, write OPENAI_API_KEY= before it",
    "MODEL_TIME_OUT=5": "to set MODEL_TIMEOUT, write",
    "ANSWER_SECOND=5": "to set ANSWER_SECONDS, write",
    "ALLOWED_HOSTS=a.example": "this program has no such setting",
    "DATABASE=x": "this program has no such setting",
    "HEARTBEAT=5\nHEARTBEAT=6": "sets HEARTBEAT again",
}
SILENT = [
    "# OPENAI_KEY=a",
    "",
    "export MODEL=practice",
    "LANGSMITH_API_KEY=a",
    "OPENAI_ORG_ID=a",
    "FLASK_RUN_HOST=127.0.0.1",
    "NO_PROXY=a.example",
    "HEARTBEAT = 5",
    "OPENAI_API_KEY=",
    "SERVER_KEY='two\nlines'",
    "GROQ_BASE_URL=",
]


@slow
def test_each_line_of_env_without_an_effect_gets_a_line(start):
    lines = [line for text in ONE_LINE_EACH for line in text.splitlines()]
    text = "\n".join(lines)
    *said, _ = start(files={".env": text}).ours()
    assert SECRET not in "".join(said)
    for line, words in ONE_LINE_EACH.items():
        number = lines.index(line.splitlines()[0]) + 1
        [about] = [each for each in said if each.startswith(f"Line {number} of .env")]
        assert words in about, line
    assert len(said) == len(ONE_LINE_EACH)


@slow
def test_lines_with_an_effect_pass_silently(start):
    server = start(files={".env": "\n".join(SILENT)})
    assert [line for line in server.ours() if line.startswith("Line")] == []


@slow
def test_a_file_that_is_not_read_gets_a_line(start):
    files = {
        ".env.txt": f"OPENAI_API_KEY={SECRET}\n",
        ".env.example": "MODEL=practice\n",
        ".env.production": "MODEL=practice\n",
        "my.env": f"OPENAI_API_KEY={SECRET}\n",
        "environment.yml": "name: word-by-word\n",
    }
    *said, _ = start(files=files).ours()
    assert said == [
        "The file .env.example is not read: copy it to .env.",
        "The file .env.production is not read: rename it to .env.",
        "The file .env.txt is not read: rename it to .env.",
        "The file my.env is not read: rename it to .env.",
    ]


@slow
def test_a_line_without_an_effect_is_named_although_the_start_stops(tmp_path):
    """The key is missing because of that line."""
    (tmp_path / ".env").write_text(
        f"MODEL=openai:gpt-5\nopenai_api_key={SECRET}\n", encoding="utf-8"
    )
    assert stopped(tmp_path).splitlines() == [
        " * Line 2 of .env has no effect: to set OPENAI_API_KEY, write"
        " OPENAI_API_KEY=... there.",
        "OPENAI_API_KEY is missing: write your key for openai in .env.",
    ]


@slow
def test_a_wrong_certificate_file_is_all_that_is_named(tmp_path):
    file = tmp_path / "school.cer"
    file.write_bytes(b"no PEM")
    said = stopped(tmp_path, OPENAI_API_KEY=SECRET, SSL_CERT_FILE=str(file))
    assert said.startswith("SSL_CERT_FILE in the environment names a file that has")


def stopped(folder, **settings):
    """Return what `flask run` prints in a folder where its start stops."""
    env = os.environ | {"FLASK_SKIP_DOTENV": ""}
    env.pop("PYTHON_DOTENV_DISABLED", None)
    env.pop("SSL_CERT_FILE", None)
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", str(ROOT / "app.py"), "run"],
        cwd=folder,
        env=env | settings,
        capture_output=True,
        encoding="utf-8",
        timeout=6 * LIMIT,
    )
    assert done.returncode != 0
    return done.stderr


@slow
def test_a_proxy_is_named_and_no_library_speaks_of_it(start):
    server = start(OPENAI_API_KEY=SECRET, HTTPS_PROXY="http://127.0.0.1:9")
    assert server.lines()[0] == (
        " * Model: openai:gpt-4.1-mini (OPENAI_API_KEY from the environment,"
        " HTTPS_PROXY from the environment, all other settings by default)"
    )


@slow
@pytest.mark.parametrize("words", [["check", "1"], ["hint", "2"], ["--version"]])
def test_other_commands_say_nothing_of_settings(words):
    done = subprocess.run(
        [sys.executable, "-m", "flask", *words],
        cwd=ROOT,
        env=os.environ | {"MODEL_TIMEOUT": "20"},
        capture_output=True,
        encoding="utf-8",
        timeout=6 * LIMIT,
    )
    assert "Model: practice" not in done.stdout + done.stderr


# The addresses that `flask run` prints


def printed_addresses(server):
    found = [
        line.split("Running on ")[1] for line in server.lines() if "on http" in line
    ]
    return [address.strip() for address in found]


@slow
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "LocalHost", "::1", "::"])
def test_no_address_that_it_has_printed_is_refused(start, host):
    server = start("run", "--host", host)
    addresses = printed_addresses(server)
    assert addresses
    for address in addresses:
        name = address.removeprefix("http://")
        page = get(server, host, {"Host": name})
        assert page.status_code == 200, address
    assert get(server, host, {"Host": "evil.example"}).status_code == 400


def get(server, host, headers):
    """Ask the server, by an address at which it listens, for its page."""
    place = "[::1]" if ":" in host else "127.0.0.1"
    url = f"http://{place}:{server.port}"
    return requests.get(url, headers=headers, timeout=LIMIT)


@slow
def test_an_address_that_is_printed_and_refused_gets_a_line(start):
    server = start(TRUSTED_HOSTS="192.168.1.5")
    assert server.ours()[1:] == [
        "Flask prints an address with 127.0.0.1, but this server refuses it: add"
        " 127.0.0.1 to TRUSTED_HOSTS in the environment."
    ]


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "[::1]", "http://localhost", ""])
def test_a_host_that_flask_cannot_use_is_not_called_refused(host):
    """Flask ends with a sentence of its own. (For "", it prints no usable address.)"""
    with Context(Command("run"), info_name="run") as context:
        context.params["host"] = host
        assert about_hosts() == []


# Servers that do not read .env by themselves


@slow
def test_gunicorn_gets_the_settings_of_env_too(tmp_path):
    (tmp_path / ".env").write_text("MODEL=nonsense\n", encoding="utf-8")
    env = os.environ | {"PYTHONPATH": str(ROOT), "FLASK_SKIP_DOTENV": ""}
    env.pop("PYTHON_DOTENV_DISABLED", None)
    done = subprocess.run(
        [sys.executable, "-c", "import app"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        encoding="utf-8",
        timeout=3 * LIMIT,
    )
    assert done.returncode == 1 and done.stderr.startswith("MODEL=nonsense: write")


def test_an_env_file_that_is_not_utf_8_stops_the_start(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes("MODEL=practice # ä".encode("latin-1"))
    with pytest.raises(SystemExit, match="is not in UTF-8"):
        settings.read_env_file(".env", path)

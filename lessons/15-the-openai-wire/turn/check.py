"""Your turn: a key for each student, separated by commas."""

import pytest

from lessons.course.for_checks.loading import load
from lessons.course.for_checks.quoting import short
from lessons.course.for_checks.scripted_model import ScriptedModel
from lessons.course.for_checks.watched_key import must_not_be_compared

PATH = "/v1/models"


@pytest.fixture
def client_with(folder, monkeypatch):
    """Return a function: a client of the program, where SERVER_KEY has that value."""

    def start(setting):
        monkeypatch.setenv("SERVER_KEY", setting)
        return load(folder, ScriptedModel("one")).app.test_client()

    return start


@pytest.fixture
def status_for(client_with):
    """Return a function: the status for a key, where SERVER_KEY has that value."""

    def ask(setting, key):
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        try:
            client = client_with(setting)
            first, second = (client.get(PATH, headers=headers) for _ in range(2))
        except Exception as error:
            error.add_note(
                f"SERVER_KEY was {setting!r}, and the client sent {named(key)}."
            )
            raise
        assert first.status_code == second.status_code, (
            f"SERVER_KEY was {setting!r}, and the client sent {named(key)} twice. It"
            f" got status {first.status_code}, then {second.status_code}. You can loop"
            " over a generator or a map only once: make a list."
        )
        if first.status_code != 200:
            told = [each for each in setting.split(",") if each.strip(" ,") != ""]
            assert not any(each.strip() in first.text for each in told), (
                f"SERVER_KEY was {setting!r}, and the refusal says {short(first.text)}."
                " It contains a valid key. Say only that the key is wrong."
            )
        return first.status_code

    return ask


def named(key):
    """Return what a sentence calls a key."""
    return "no key" if key is None else f"the key {key!r}"


def test_each_key_is_accepted(status_for):
    for setting in "sk-ada,sk-bob", "sk-ada, sk-bob", "sk-ada", "sk-ada,sk-bob,sk-cy":
        for key in setting.replace(" ", "").split(","):
            status = status_for(setting, key)
            assert status == 200, (
                f"SERVER_KEY was {setting!r}, and the client sent {named(key)}. GET"
                f" {PATH}: expected status 200, got {status}. Split the setting at its"
                " commas, and strip each key."
            )


def test_no_other_key_is_accepted(status_for):
    setting = "sk-ada, ,sk-bob,"
    wrong = [
        "sk-eve",
        "sk-",
        "ada",
        "SK-ADA",
        "sk-ada,sk-bob",
        ",",
        setting,
        "sk-\u00e4da",
    ]
    for key in [*wrong, "", None]:
        status = status_for(setting, key)
        assert status == 401, (
            f"SERVER_KEY was {setting!r}, and the client sent {named(key)}. GET {PATH}:"
            f" expected status 401, got {status}. Accept only a whole key that is not"
            " empty."
        )


def test_a_setting_without_a_key_lets_nobody_in(status_for):
    for key in "", ",", "sk-practice", None:
        try:
            status = status_for(" , ", key)
        except SystemExit:
            return  # the program refuses to start with it, which is as good
        assert status == 401, (
            "SERVER_KEY was ' , ', which contains no key, and the client sent"
            f" {named(key)}. GET {PATH}: expected status 401, got {status}. Without any"
            " keys, let nobody in."
        )


def test_the_page_opens_without_a_key(client_with):
    status = client_with("sk-ada,sk-bob").get("/").status_code
    assert status == 200, (
        f"The page at / got status {status} without a key. A browser that opens a page"
        " has no key to send. Require the key only for addresses below /v1/, as before."
    )


def test_a_guess_is_not_told_how_much_of_it_is_right(client_with, monkeypatch):
    """The time that a wrong key takes does not show how much of it is right."""
    keys = "sk-ada,sk-bob"

    def guess():
        headers = {"Authorization": "Bearer sk-ad?"}
        client_with(keys).get(PATH, headers=headers)

    must_not_be_compared(monkeypatch, keys, guess)

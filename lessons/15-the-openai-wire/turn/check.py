"""Your turn: a key for each student, separated by commas."""

import pytest

from lessons.course.for_checks.loading import load
from lessons.course.for_checks.scripted_model import ScriptedModel

PATH = "/v1/models"


@pytest.fixture
def status_for(folder, monkeypatch):
    """Return a function: the status for a key, where SERVER_KEY has that value."""

    def ask(setting, key):
        monkeypatch.setenv("SERVER_KEY", setting)
        client = load(folder, ScriptedModel("one")).app.test_client()
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return client.get(PATH, headers=headers).status_code

    return ask


def test_each_key_opens_the_server(status_for):
    for setting in "sk-ada,sk-bob", "sk-ada, sk-bob", "sk-ada":
        for key in setting.replace(" ", "").split(","):
            status = status_for(setting, key)
            assert status == 200, (
                f"SERVER_KEY was {setting!r}, the client sent the key {key!r}, and GET"
                f" {PATH} gave {status}, expected was 200: split the setting at its"
                " commas, and strip each key."
            )


def test_nothing_else_opens_it(status_for):
    setting = "sk-ada, ,sk-bob,"
    wrong = ["sk-eve", "sk-", "ada", "sk-ada,sk-bob", ",", setting]
    for key in [*wrong, "", None]:
        sent = "no key" if key is None else f"the key {key!r}"
        status = status_for(setting, key)
        assert status == 401, (
            f"SERVER_KEY was {setting!r}, the client sent {sent}, and GET {PATH} gave"
            f" {status}, expected was 401: only a whole key that is not empty opens the"
            " server."
        )

"""How long a conversation may be, on each server of the lessons that takes one.

A message may be as long as a prompt, and all of them together sixteen times as long.
"""

import importlib
import sys

import pytest

from lessons.course.about_lessons.way_through import all_lessons
from lessons.course.for_checks.scripted_model import ScriptedModel

KEY = {"Authorization": "Bearer sk-practice"}
SERVERS_WITH_CONVERSATIONS = {  # and how their clients write a message
    "11-a-conversation": ("/ask", "content"),
    "13-trying-again": ("/ask", "content"),
    "14-the-words-of-usechat": ("/chat", "parts"),
    "15-the-openai-wire": ("/v1/chat/completions", "content"),
    "16-what-a-client-may-ask": ("/v1/chat/completions", "content"),
    "20-answers-that-outlive-their-reader": ("/chat", "parts"),
    "23-a-tool-in-the-stream": ("/chat", "parts"),
    "24-the-newer-wire": ("/v1/responses", "content"),
}
TOO_LONG = "This conversation is too long: start a new one."
KIB = 1024


def test_each_server_that_takes_a_conversation_is_looked_at():
    takes = set()
    for lesson in all_lessons().values():
        programs = lesson.folder.glob("*.py")
        texts = [path.read_text(encoding="utf-8") for path in programs]
        if any(" read_conversation()" in text for text in texts):
            takes.add(lesson.name)
    assert set(SERVERS_WITH_CONVERSATIONS) == takes


def in_turns(*texts):
    """Return a conversation, (role, text) for each turn; the user has the last word."""
    roles = ["user", "assistant"] * len(texts)
    return list(zip(roles[(len(texts) + 1) % 2 :], texts, strict=False))


@pytest.fixture(params=SERVERS_WITH_CONVERSATIONS)
def converse(request, monkeypatch):
    """Return a function: post turns to a server; return the model and the answer."""
    module = importlib.import_module(f"lessons.{request.param}.app")
    path, field = SERVERS_WITH_CONVERSATIONS[request.param]

    def post(turns):
        model = ScriptedModel("Yes.")
        writing = sys.modules.get(f"lessons.{request.param}.writing")
        keeper = module if hasattr(module, "model") else writing
        monkeypatch.setattr(keeper, "model", model)
        messages = []
        for role, text in turns:
            value = [{"type": "text", "text": text}] if field == "parts" else text
            messages.append({"role": role, field: value})
        body = {"id": "c", "model": "practice", "messages": messages}
        if path == "/v1/responses":
            body = {"model": "practice", "input": messages}
        return model, module.app.test_client().post(path, json=body, headers=KEY)

    return post


def test_a_long_conversation_is_answered(converse):
    for texts in ["word " * 360] * 41, ["x" * 60 * KIB] * 16 + ["Hi"]:
        model, answer = converse(in_turns(*texts))
        assert answer.status_code == 200 and answer.get_data()
        assert len(model.prompts) == 1


def test_a_conversation_that_is_too_long_says_to_start_a_new_one(converse):
    for texts in ["x" * 60 * KIB] * 18 + ["Hi"], ["x" * 65 * KIB, "Hi", "Hi"]:
        model, answer = converse(in_turns(*texts))
        assert (answer.status_code, model.prompts) == (413, [])
        assert TOO_LONG in answer.text
    model, answer = converse([("user", "x" * 5000 * KIB)])
    assert answer.status_code == 413 and TOO_LONG in answer.text


def test_a_question_that_is_too_long_is_what_is_too_long(converse):
    model, answer = converse([("user", "x" * 65 * KIB)])
    assert (answer.status_code, model.prompts) == (413, [])
    assert "at most 64 KiB" in answer.text

"""The lessons' servers: how each is asked, and what its wire says."""

import importlib
import json

import pytest

from lessons.course.for_checks.scripted_model import ScriptedModel
from support.lesson_notes import LESSONS, NAMES

CHAT = "/v1/chat/completions"
RESPONSES = "/v1/responses"
KEY = {"Authorization": "Bearer sk-practice"}


def servers():
    """Return the lessons that answer prompts over HTTP, with their modules."""
    for lesson in LESSONS:
        if lesson.has("app.py"):
            module = importlib.import_module(f"lessons.{lesson.name}.app")
            if path_of(module):
                yield pytest.param(module, id=lesson.name)


def path_of(module):
    """Return where a module's app takes prompts, or None."""
    rules = {rule.rule for rule in module.app.url_map.iter_rules()}
    return next((path for path in ("/ask", CHAT, RESPONSES) if path in rules), None)


def script_for(module, *script):
    """Return the script with which a module's model says these texts.

    A form is filled in JSON: the texts become the first field of a card.
    """
    if not hasattr(module, "GrowingObject"):
        return script
    begin, end = '{"term": "', '", "meaning": "", "lesson": null, "related": []}'
    in_json = []
    for item in script:
        if isinstance(item, str):
            item = begin + json.dumps(item)[1:-1]
            begin = ""
        in_json.append(item)
    texts = [place for place, item in enumerate(in_json) if isinstance(item, str)]
    if texts:
        in_json[texts[-1]] += end
    return in_json


def body_of(module, prompt):
    """Return the JSON that asks a module's app a prompt."""
    if path_of(module) == RESPONSES:
        return {"model": "practice", "input": prompt, "stream": True}
    turn = {"role": "user", "content": prompt}
    chat = {"model": "practice", "messages": [turn], "stream": True}
    return chat if path_of(module) == CHAT else {"prompt": prompt}


def said(body, kind):
    """Return the text that a body of that content type has brought so far."""
    if kind == "text/plain":
        return body.decode()
    lines = body.decode().splitlines()
    if kind == "text/event-stream":
        data = [line.removeprefix("data: ") for line in lines if line[:5] == "data:"]
        lines = [line for line in data if line != "[DONE]"]
    text = ""
    for message in map(json.loads, lines):
        text += message.get("token", "") + message.get("add", "")
        text += message.get("delta", "")  # of a text, for useChat or of a response
        for choice in message.get("choices", []):
            text += choice["delta"].get("content") or ""
    return text


def servers_since(lesson):
    """Return the servers from the lesson of that name on, which keep what it adds."""
    assert lesson in NAMES
    return [server for server in servers() if server.id >= lesson]


def ask(module, monkeypatch, *script, prompt="Hello?"):
    """Ask a lesson's server for a scripted answer; return the model and the answer."""
    model = ScriptedModel(*script_for(module, *script))
    monkeypatch.setattr(module, "model", model)
    client, question = module.app.test_client(), body_of(module, prompt)
    return model, client.post(path_of(module), json=question, headers=KEY)

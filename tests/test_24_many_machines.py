"""Lesson 24 on many machines: two web machines, a worker, and one Redis."""

from contextlib import ExitStack

import openai
import pytest
from support.machines import celery_worker, gunicorn, redis_server

MODULE = "lessons.24-the-newer-wire"
NUMBERS = " ".join(map(str, range(60)))
QUESTION = {"model": "practice", "stream": True, "background": True}


@pytest.fixture
def machines(tmp_path):
    """Start them; return the worker, the web machines, and a client of each."""
    with ExitStack() as started:
        redis = started.enter_context(redis_server(tmp_path, tmp_path / "redis.log"))
        where = {"REDIS_URL": f"redis://127.0.0.1:{redis.port}", "MODEL": "practice"}
        worker = celery_worker(f"{MODULE}.worker", tmp_path / "worker.log", **where)
        worker = started.enter_context(worker)
        web = []
        for name in "one", "two":
            log = tmp_path / f"{name}.log"
            machine = gunicorn(f"{MODULE}.app", log, threads=20, **where)
            web.append(started.enter_context(machine))
        yield worker, web, [client_of(machine) for machine in web]


def client_of(machine):
    url = f"http://127.0.0.1:{machine.port}/v1"
    return openai.OpenAI(base_url=url, api_key="sk-practice", max_retries=0)


def test_a_response_outlives_a_web_machine_and_is_cancelled_by_another(machines):
    worker, (one, _), (first, second) = machines
    events = []
    asked = {**QUESTION, "input": f"/slow 25 /echo {NUMBERS}"}
    with pytest.raises(openai.APIConnectionError):
        for event in first.responses.create(**asked):
            events.append(event)
            if len(events) == 20:
                one.kill()
    name, last = events[0].response.id, events[-1].sequence_number
    rest = second.responses.retrieve(name, stream=True, starting_after=last)
    events += rest
    numbers = [event.sequence_number for event in events]
    assert numbers == list(range(len(numbers)))
    deltas = [event.delta for event in events if event.type.endswith("text.delta")]
    assert "".join(deltas) == NUMBERS and events[-1].type == "response.completed"

    found = second.responses.retrieve(name)
    reference = {"type": "item_reference", "id": found.output[0].id}
    more = [reference, {"role": "user", "content": "/again"}]
    again = second.responses.create(model="practice", input=more, store=False)
    assert f"assistant: {NUMBERS}" in again.output_text
    with pytest.raises(openai.NotFoundError):
        second.responses.retrieve(again.id)

    asked["input"] = "/slow 5 /long 500"
    stream = second.responses.create(**asked)
    begun = next(stream).response.id
    assert second.responses.cancel(begun).status == "cancelled"
    assert "response.completed" not in [event.type for event in stream]

    types = []
    for event in second.responses.create(**asked):
        types.append(event.type)
        if len(types) == 8:
            worker.kill()
    assert types[-2:] == ["error", "response.failed"]

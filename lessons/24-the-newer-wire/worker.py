"""The worker: it takes answers to write from a queue in Redis, on any machine.

It is lesson 20's, but the name of an answer is all that it needs.

Celery keeps the queue. It hands each task to one worker, and once only: an answer whose
worker dies is not restarted behind its readers' backs; they see that it broke off.
"""

import os
from contextlib import contextmanager, suppress
from threading import Event, Thread

from celery import Celery
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from models import choose_model

from .limits import NoStore
from .stores import choose_store
from .writing import write_answer

RENEWAL = 1  # seconds; a promise holds for three

store = choose_store()
model = choose_model()
celery = Celery("answers", broker=os.environ["REDIS_URL"])
celery.conf.task_default_queue = "responses"  # lesson 20 may use the same Redis
celery.conf.task_ignore_result = True  # the answer itself is in the store
celery.conf.worker_prefetch_multiplier = 1  # take no more than there are threads
celery.conf.broker_connection_retry_on_startup = True


def hand_over(name):
    """Put an answer into the queue, for some worker to take."""
    try:
        write.delay(name)
    except (OperationalError, RedisError):  # it cannot be reached, or it is full
        raise NoStore from None


@celery.task
def write(name):
    """Write one answer, and say each second that its writer is alive."""
    with suppress(NoStore):  # its readers hear that nobody writes it
        is_wanted = store.renew(name)  # it may have been stopped while in the queue
        if not is_wanted:
            return
        with renewing(name):
            write_answer(store, name, model)


@contextmanager
def renewing(name):
    """Renew the promise for an answer from a thread of its own, until the end."""
    over = Event()

    def renew():
        while True:
            with suppress(NoStore):  # it tries again in a second
                store.renew(name)
            if over.wait(RENEWAL):
                return

    Thread(target=renew, daemon=True).start()
    try:
        yield
    finally:
        over.set()

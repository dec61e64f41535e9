"""The mistakes in a student's program that its answers only hint at.

A program catches an exception and asks failures.py what it means. For every mistake in
the program itself, the answer has the same sentence: "its log says where". The log has
the class of the mistake and its line. This file notes what Python says about it.
"""

import re

import failures
from lessons.course.explain import is_of_a_check, places_of, sentence_for

find_failure = failures.failure_of
# What log_name() of failures.py writes about a mistake: "NameError in app.py, line 97".
IN_THE_LOG = re.compile(r"\w+ in \S+\.py, line \d+")
noted = []  # a sentence for each mistake, as the students read it


def watch_mistakes(folder):
    """Note the mistakes of the program in a folder, from now on."""

    def note_and_find(error):
        failure = find_failure(error)
        if failure is failures.MISTAKE and is_of_the_program(error, folder):
            noted.append(sentence_for(error, folder))
        return failure

    failures.failure_of = note_and_find  # before a program imports it


def is_of_the_program(error, folder):
    """Whether an exception arose in a program, and not in what a check gave it."""
    places = places_of(error, folder)
    if not any(places):
        return False
    # A stand-in of the checks lacks a name only if a program has asked for it.
    asked_for_it = isinstance(error, AttributeError)
    return bool(places[-1]) or asked_for_it or not is_of_a_check(error)


def with_the_mistake(message):
    """Return what a check says, after the mistake that it is about, if there is one."""
    is_about_one = failures.MISTAKE.sentence in message or IN_THE_LOG.search(message)
    if noted and is_about_one:
        return f"{noted[-1]} So the check saw this: {message}"
    return message

"""What the pages of lessons 12 and 13 both say of an answer that is not whole."""

import importlib

import pytest
from langchain_core.exceptions import ModelAPIError
from langchain_core.messages import AIMessageChunk
from support.browser import Page

from lessons.course.for_checks.failing_model import SECRET

NAMES = ["12-server-sent-events", "13-trying-again"]
CUT = {
    "length": "it reached its length limit.",
    "content_filter": "the provider's filter stopped it.",
}


@pytest.fixture(params=NAMES)
def lesson(request):
    """Return the program of each of the two lessons."""
    return importlib.import_module(f"lessons.{request.param}.app")


@pytest.fixture
def answering(lesson):
    return lesson


@pytest.mark.parametrize("reason", CUT)
def test_the_page_says_why_an_answer_is_not_whole(
    lesson, browser, answer_with, serve, reason
):
    end = AIMessageChunk("", response_metadata={"finish_reason": reason})
    model = answer_with()
    model.stream = lambda _: (chunk for chunk in [AIMessageChunk("one"), end])
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#problem').textContent")
    assert page.find("#problem").text == f"The answer is not whole: {CUT[reason]}"
    assert page.find("#answer").text == "one"


def test_the_page_keeps_what_came_before_a_failure(lesson, browser, answer_with, serve):
    answer_with("one", ModelAPIError(SECRET))
    page = Page(browser, serve(lesson.app))
    page.ask("Hello?")
    page.until_true("document.querySelector('#problem').textContent")
    sentence = "The answer is not whole: The model's server failed: ask again."
    assert page.find("#problem").text == sentence
    assert page.find("#answer").text == "one"

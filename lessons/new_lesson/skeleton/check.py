"""TODO: what the checks of this lesson look at."""


def test_the_program_does_what_the_lesson_is_about(ask):
    raise AssertionError(
        "TODO: three checks at least. The message says what was seen, what was expected"
        " and what to try; what a check may use is in lessons/course/for_checks/."
    )

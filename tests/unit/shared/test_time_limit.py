"""A question to something that hangs is over when its time is."""

import os
import threading
import time

import pytest

from include.errors import QueryError
from include.time_limit import Answers, Question


def test_an_answer_and_an_error_come_as_they_are() -> None:
    assert Question(lambda: 7, name="a server").answer(within_s=5) == 7

    def refuse() -> int:
        raise QueryError("no such table")

    with pytest.raises(QueryError, match="no such table"):
        Question(refuse, name="a server").answer(within_s=5)


def test_what_hangs_does_not_answer_and_several_hang_at_the_same_time() -> None:
    began, never = time.monotonic(), threading.Event()
    questions = [Question(never.wait, name=f"server {number}") for number in (1, 2)]
    for number, question in enumerate(questions, start=1):
        with pytest.raises(TimeoutError, match=rf"server {number} does not answer"):
            question.answer(within_s=max(0.01, 0.3 - (time.monotonic() - began)))
    assert time.monotonic() - began < 2
    never.set()


@pytest.mark.parametrize(
    ("load", "causes"), [(0.5, ["a server does not answer within 1 s"]), (99, [])]
)
def test_on_a_busy_machine_an_answer_may_take_longer(
    monkeypatch: pytest.MonkeyPatch, load: float, causes: list[str]
) -> None:
    monkeypatch.setattr("os.getloadavg", lambda: (load * (os.cpu_count() or 1), 0.0, 0.0))
    answers = Answers(1.0)
    question = Question(lambda: threading.Event().wait(1.5), name="a server")
    answers.of(question, instead=False)
    assert answers.causes == causes

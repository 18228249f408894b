"""Answers within a bound of time, whoever is asked: a server that hangs must not hang its asker."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from include.errors import TickhouseError

Returned = TypeVar("Returned")
LONGEST_FACTOR = 3.0


class Question(Generic[Returned]):
    """A question asked in a thread of its own, from now on; `answer` waits for the rest of it."""

    def __init__(self, ask: Callable[[], Returned], *, name: str) -> None:
        self._outcome: list[Any] = []
        self.name, self.asked_at = name, time.monotonic()
        self._thread = threading.Thread(target=self._run, args=(ask,), daemon=True, name=name)
        self._thread.start()

    def answer(self, *, within_s: float) -> Returned:
        """The answer, or the error that asking raised.

        Raises:
            TimeoutError: there was none within so many seconds; its thread is left behind.
        """
        self._thread.join(within_s)
        if not self._outcome:
            raise TimeoutError(f"{self.name} does not answer")
        is_answered, outcome = self._outcome
        if not is_answered:
            raise outcome
        answer: Returned = outcome
        return answer

    def _run(self, ask: Callable[[], Returned]) -> None:
        try:
            self._outcome = [True, ask()]
        except Exception as error:
            self._outcome = [False, error]


def measure_load() -> float:
    """How many processes want each core (the load average of a minute), 1 to `LONGEST_FACTOR`."""
    load, *_ = os.getloadavg()
    return min(max(load / (os.cpu_count() or 1), 1.0), LONGEST_FACTOR)


class Answers:
    """The answers that came in time, and a sentence for each question without one, in `causes`.

    On a busy machine what works answers late: there the time for an answer is longer, by as many
    times as processes want each core.
    """

    def __init__(self, within_s: float) -> None:
        """How many seconds an answer may take from when it was asked for, on an idle machine."""
        self.causes: list[str] = []
        self._within_s, self._load = within_s, measure_load()

    def of(
        self,
        question: Question[Returned],
        *,
        instead: Returned,
        within_s: float | None = None,
        counts: bool = True,
    ) -> Returned:
        """The answer, or another `instead`, which is a cause if it `counts`."""
        within_s = (self._within_s if within_s is None else within_s) * self._load
        left_s = max(0.0, question.asked_at + within_s - time.monotonic())
        try:
            return question.answer(within_s=left_s)
        except TimeoutError as error:
            self.causes.append(f"{error} within {within_s:.3g} s")
        except TickhouseError as error:
            if counts:
                self.causes.append(str(error))
        except Exception as error:
            self.causes.append(f"{question.name}: {type(error).__name__}: {error}")
        return instead

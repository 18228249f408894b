"""Answers within a bound of time, whoever is asked: a server that hangs must not hang its asker."""

import threading
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Returned = TypeVar("Returned")


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

"""What a gate found: written to `quality_results`, told as a page, and raised if it is a fault.

Needs no Great Expectations, so that judgements of other kinds leave the same trace.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from include.errors import GateFailed
from include.lake.tables import QUALITY_RESULTS
from include.lake.writing import arrow_rows, replace_rows
from include.log import event
from include.quality.page import write_page

SAID_EXPECTATIONS = 3
log = logging.getLogger("tickhouse.quality")


@dataclass(frozen=True)
class Finding:
    """One expectation's outcome; `unexpected_rows` is JSON of the first rows at fault."""

    expectation: str
    success: bool
    observed: str
    unexpected_rows: str | None = None

    @property
    def said(self) -> str:
        """It in one sentence."""
        first = f", first {self.unexpected_rows}" if self.unexpected_rows else ""
        return f"{self.expectation}: {self.observed}{first}"


@dataclass(frozen=True)
class QualityRun:
    """Where the findings of one run go; `pages` (none: no page) is the folder of its page."""

    lake: str
    run_id: str
    now: datetime
    pages: Path | None = None

    def record(self, suite: str, findings: Sequence[Finding]) -> None:
        """Write a suite's findings down, in the place of this run's earlier ones, then judge.

        Raises:
            GateFailed: one of them is a fault, or there are none; the first line says which.
        """
        found = findings or (Finding("anything expected", False, "no expectation was looked at"),)
        rows = [
            {
                "run_id": self.run_id,
                "suite": suite,
                "expectation": one.expectation,
                "success": one.success,
                "observed": one.observed,
                "unexpected_rows": one.unexpected_rows,
                "checked_at": self.now,
            }
            for one in found
        ]
        replace_rows(
            self.lake,
            QUALITY_RESULTS,
            arrow_rows(QUALITY_RESULTS, rows),
            run_id=self.run_id,
            suite=suite,
        )
        if self.pages is not None:
            write_page(self.pages, lake=self.lake, run_id=self.run_id)
        _raise_if_failed(suite, found, run_id=self.run_id)

    def unseen(self, suite: str, cause: str) -> GateFailed:
        """The error to raise when a suite could not look; written down as any other fault."""
        try:
            self.record(suite, [Finding("can be looked at", False, f"could not check: {cause}")])
        except GateFailed:
            return GateFailed(f"gate {suite} could not check: {cause}")
        raise AssertionError("a failed finding passed")


def _raise_if_failed(suite: str, findings: Sequence[Finding], *, run_id: str) -> None:
    failed = [one for one in findings if not one.success]
    if not failed:
        return
    said = "; ".join(one.said for one in failed[:SAID_EXPECTATIONS])
    # the event that an alert hangs on: suite, run and reason are all it needs
    log.error(event("gate failed", suite=suite, run=run_id, reason=said))
    raise GateFailed(f"gate {suite}: {len(failed)} of {len(findings)} failed: {said}")

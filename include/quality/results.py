"""A gate's findings: written to `quality_results`, shown as a page, raised if one failed.

Needs no Great Expectations, so that checks of other kinds are recorded the same way.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from include.checks import Check
from include.errors import GateFailed
from include.lake.derived_tables import QUALITY_RESULTS
from include.lake.writing import arrow_rows, replace_rows
from include.log import event
from include.object_path import StorePath
from include.quality.page import write_page

RAISED_FINDINGS = 3
log = logging.getLogger("tickhouse.quality")


@dataclass(frozen=True)
class Finding(Check):
    """An expectation's outcome; `unexpected_rows` is JSON of the first rows that failed it."""

    unexpected_rows: str | None = None

    @property
    def sentence(self) -> str:
        """The finding in one sentence."""
        first = f", first {self.unexpected_rows}" if self.unexpected_rows else ""
        return f"{self.name}: {self.detail}{first}"


@dataclass(frozen=True)
class QualityRun:
    """Records the findings of one run; `pages` (none: no page) is the folder of its page."""

    lake: str
    run_id: str
    now: datetime
    pages: StorePath | None = None

    def record(self, suite: str, findings: Sequence[Finding]) -> None:
        """Write a suite's findings, in place of this run's earlier ones, and pass or raise.

        Raises:
            GateFailed: a finding failed, or there is none; the first line names it.
        """
        findings = findings or (Finding("any expectation", False, "no expectation was checked"),)
        rows = [
            {
                "run_id": self.run_id,
                "suite": suite,
                "expectation": finding.name,
                "success": finding.ok,
                "observed": finding.detail,
                "unexpected_rows": finding.unexpected_rows,
                "checked_at": self.now,
            }
            for finding in findings
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
        _raise_if_failed(suite, findings, run_id=self.run_id)

    def record_unchecked(self, suite: str, cause: str) -> GateFailed:
        """The error to raise when a suite could not be checked; recorded as a failed finding."""
        try:
            self.record(suite, [Finding("can be checked", False, f"could not check: {cause}")])
        except GateFailed:
            return GateFailed(f"gate {suite} could not check: {cause}")
        raise AssertionError("a failed finding passed")


def _raise_if_failed(suite: str, findings: Sequence[Finding], *, run_id: str) -> None:
    failed = [finding for finding in findings if not finding.ok]
    if not failed:
        return
    reason = "; ".join(finding.sentence for finding in failed[:RAISED_FINDINGS])
    # alerts are made from this event
    log.error(event("gate failed", suite=suite, run=run_id, reason=reason))
    raise GateFailed(f"gate {suite}: {len(failed)} of {len(findings)} failed: {reason}")

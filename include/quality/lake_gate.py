"""The hourly look at the streamed tables: every suite is looked at, then all faults are told."""

from datetime import timedelta

import duckdb

from include.errors import GateFailed
from include.lake.reading import connect
from include.quality.gate import validated
from include.quality.lake_suites import READ, SUITES
from include.quality.results import QualityRun
from include.quality.suites import Suite
from include.settings.forecast import Quality


def check_lake(run: QualityRun, rules: Quality) -> int:
    """Pass the landed tables as they are now; give the rows looked at.

    Raises:
        GateFailed: names each suite at fault, or that could not look, with its first rows.
    """
    link = connect(run.lake, READ)
    try:
        looked, faults = 0, []
        for suite in SUITES:
            try:
                looked += _checked(suite, link, run, rules)
            except GateFailed as error:
                faults.append(str(error))
    finally:
        link.close()
    if faults:
        raise GateFailed(" | ".join(faults))
    return looked


def _checked(suite: Suite, link: duckdb.DuckDBPyConnection, run: QualityRun, rules: Quality) -> int:
    given = {
        "since": run.now - timedelta(hours=rules.hours),
        "now": run.now,
        "band": rules.price_band,
        "fresh_s": rules.fresh_s,
    }
    asked = {name: value for name, value in given.items() if f"${name}" in suite.select}
    try:
        frame = link.execute(suite.select, asked).df()
    except duckdb.Error as error:
        raise run.unseen(suite.name, str(error).splitlines()[0]) from error
    run.record(suite.name, validated(suite, frame))
    return len(frame)

"""The hourly look at the streamed tables: every suite is looked at, then all faults are told."""

from datetime import timedelta

import duckdb

from include.errors import GateFailed
from include.lake.reading import connect
from include.quality.gate import validated
from include.quality.lake_suites import READ, SUITES
from include.quality.results import Desk
from include.quality.suites import Suite
from include.settings.forecast import Quality


def check_lake(desk: Desk, rules: Quality) -> int:
    """Pass the landed tables as they are now; give the rows looked at.

    Raises:
        GateFailed: names each suite at fault, or that could not look, with its first rows.
    """
    link = connect(desk.lake, READ)
    try:
        looked, faults = 0, []
        for suite in SUITES:
            try:
                looked += _checked(suite, link, desk, rules)
            except GateFailed as error:
                faults.append(str(error))
    finally:
        link.close()
    if faults:
        raise GateFailed(" | ".join(faults))
    return looked


def _checked(suite: Suite, link: duckdb.DuckDBPyConnection, desk: Desk, rules: Quality) -> int:
    given = {
        "since": desk.now - timedelta(hours=rules.hours),
        "now": desk.now,
        "band": rules.price_band,
        "fresh_s": rules.fresh_s,
    }
    asked = {name: value for name, value in given.items() if f"${name}" in suite.select}
    try:
        frame = link.execute(suite.select, asked).df()
    except duckdb.Error as error:
        raise desk.unseen(suite.name, str(error).splitlines()[0]) from error
    desk.settle(suite.name, validated(suite, frame))
    return len(frame)

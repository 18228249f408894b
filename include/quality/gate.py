"""The gates: a suite is looked at with Great Expectations, written down, and passes or raises.

Only this module imports Great Expectations. What cannot be checked has not passed.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from include.lake.reading import open_table
from include.quality.results import Desk, Finding
from include.quality.suites import FORECAST, HISTORY, Suite

SHOWN_ROWS = 5


def check_history(lake: str, *, run_id: str, now: datetime, pages: Path | None = None) -> int:
    """Pass the staged history, or stop it; give the number of rows looked at.

    Raises:
        GateFailed: names suite, expectation and the first rows; or says why it could not look.
    """
    desk = Desk(lake, run_id, now, pages)
    table = open_table(lake, "history_staging")
    if table is None:
        raise desk.unseen(HISTORY.name, "nothing is staged")
    link = duckdb.connect()
    link.register("history_staging", table.to_pyarrow_dataset())
    return _checked(HISTORY, link, desk)


def check_forecast(
    draft: pd.DataFrame, lake: str, *, run_id: str, now: datetime, pages: Path | None = None
) -> int:
    """Pass a drafted forecast, or stop it; give the number of rows looked at.

    Raises:
        GateFailed: as above.
    """
    link = duckdb.connect()
    link.register("draft", draft)
    return _checked(FORECAST, link, Desk(lake, run_id, now, pages))


def _checked(suite: Suite, link: duckdb.DuckDBPyConnection, desk: Desk) -> int:
    try:
        link.execute("SET TimeZone = 'UTC'")
        frame = link.execute(suite.select).df()
    except duckdb.Error as error:
        raise desk.unseen(suite.name, str(error).splitlines()[0]) from error
    finally:
        link.close()
    desk.settle(suite.name, validated(suite, frame))
    return len(frame)


def validated(suite: Suite, frame: pd.DataFrame) -> list[Finding]:
    """Each expectation's outcome over the frame."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        batch_parameters={"dataframe": frame}
    )
    expectations = [
        getattr(gx.expectations, one.type)(**one.arguments, notes=one.title)
        for one in suite.expectations
    ]
    shown = {
        "result_format": "SUMMARY", "partial_unexpected_count": SHOWN_ROWS,
        "unexpected_index_column_names": [name for name in suite.row if name in frame],
    }  # fmt: skip
    found = batch.validate(
        gx.ExpectationSuite(name=suite.name, expectations=expectations), result_format=shown
    )
    return [_outcome(result) for result in found.results]


def _outcome(result: Any) -> Finding:
    told: Mapping[str, Any] = result.result or {}
    rows = told.get("partial_unexpected_index_list") or []
    return Finding(
        expectation=str(result.expectation_config.notes),
        success=bool(result.success),
        observed=_observed(result, told),
        unexpected_rows=json.dumps(rows[:SHOWN_ROWS], default=str) if rows else None,
    )


def _observed(result: Any, told: Mapping[str, Any]) -> str:
    if "observed_value" in told:
        return str(told["observed_value"])
    if "unexpected_count" in told:
        return f"{told['unexpected_count']} of {told.get('element_count')} rows"
    causes = [one.get("exception_message") for one in (result.exception_info or {}).values()
              if isinstance(one, Mapping)]  # fmt: skip
    return f"could not look: {causes[0]}" if causes else "could not look"

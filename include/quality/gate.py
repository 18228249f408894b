"""The gates: a suite is checked by Great Expectations, recorded, and passes or raises.

Only this module imports Great Expectations. What could not be checked has not passed.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any, Self

import duckdb
import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from include.errors import first_line
from include.lake.reading import create_view, open_table
from include.market.time import EPOCH
from include.object_path import StorePath
from include.quality.results import Finding, QualityRun
from include.quality.suites import FORECAST, HISTORY, Suite

RECORDED_ROWS = 5
# Rows checked at a time, so that memory does not grow with the history.
SLICE_ROWS = 200_000
SORTING_MEMORY = "512MB"


def check_history(
    lake: str,
    *,
    run_id: str,
    now: datetime,
    pages: StorePath | None = None,
    fresh_from_at: datetime = EPOCH,
    slice_rows: int = SLICE_ROWS,
) -> int:
    """Check the staged history; give the number of rows checked.

    Its newest minute must not be before `fresh_from_at`. The library gets `slice_rows` rows at
    a time, in the order of their minutes.

    Raises:
        GateFailed: an expectation failed (named, with the first rows), or could not be checked.
    """
    quality_run = QualityRun(lake, run_id, now, pages)
    table = open_table(lake, "history_staging")
    if table is None:
        raise quality_run.record_unchecked(HISTORY.name, "nothing is staged")
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{SORTING_MEMORY}'")
        connection.execute(f"SET temp_directory = '{spill}'")
        create_view(connection, "history_staging", table)
        parameters = {"now": now, "fresh_since": fresh_from_at}
        return _check(
            HISTORY, connection, quality_run, slice_rows=slice_rows, parameters=parameters
        )


def check_forecast(
    draft_df: pd.DataFrame, lake: str, *, run_id: str, now: datetime, pages: StorePath | None = None
) -> int:
    """Check a drafted forecast; give the number of rows checked.

    Raises:
        GateFailed: as above.
    """
    with duckdb.connect() as connection:
        connection.register("draft", draft_df)
        quality_run = QualityRun(lake, run_id, now, pages)
        return _check(
            FORECAST, connection, quality_run, slice_rows=max(len(draft_df), 1), parameters={}
        )


def _check(
    suite: Suite,
    connection: duckdb.DuckDBPyConnection,
    quality_run: QualityRun,
    *,
    slice_rows: int,
    parameters: dict[str, datetime],
) -> int:
    slices, row_count = [], 0
    try:
        connection.execute("SET TimeZone = 'UTC'")
        for slice_df in _read_slices(connection.sql(suite.select, params=parameters), slice_rows):
            row_count += len(slice_df)
            slices.append(_evaluate(suite, slice_df))
    except duckdb.Error as error:
        raise quality_run.record_unchecked(suite.name, first_line(error)) from error
    quality_run.record(
        suite.name, [reduce(add, parts).finding for parts in zip(*slices, strict=True)]
    )
    return row_count


def _read_slices(selected: duckdb.DuckDBPyRelation, slice_rows: int) -> Iterator[pd.DataFrame]:
    """The rows in DataFrames of at most `slice_rows`; one empty one if there are none."""
    reader = selected.to_arrow_reader(slice_rows)
    empty = True
    for batch in reader:  # its size is a multiple of the engine's own batches
        for start in range(0, batch.num_rows, slice_rows):
            yield batch.slice(start, slice_rows).to_pandas()
            empty = False
    if empty:
        yield reader.schema.empty_table().to_pandas()


def validate(suite: Suite, rows_df: pd.DataFrame) -> list[Finding]:
    """Each expectation's outcome over these rows."""
    return [outcome.finding for outcome in _evaluate(suite, rows_df)]


@dataclass(frozen=True)
class _Outcome:
    """The outcome of one expectation over one slice, or, added up, over several."""

    expectation: str
    success: bool
    rows: tuple[Any, ...] = ()
    unexpected: int = 0
    elements: int | None = None
    values: tuple[Any, ...] = ()
    cause: str | None = None

    def __add__(self, later: Self) -> Self:
        elements = [outcome.elements for outcome in (self, later) if outcome.elements is not None]
        return type(self)(
            expectation=self.expectation,
            success=self.success and later.success,
            rows=(self.rows + later.rows)[:RECORDED_ROWS],
            unexpected=self.unexpected + later.unexpected,
            elements=sum(elements) if elements else None,
            values=self.values + tuple(v for v in later.values if v not in self.values),
            cause=self.cause or later.cause,
        )

    @property
    def finding(self) -> Finding:
        rows = json.dumps(list(self.rows), default=str) if self.rows else None
        return Finding(self.expectation, self.success, self._detail, rows)

    @property
    def _detail(self) -> str:
        if self.cause is not None:
            return f"could not check: {self.cause}"
        if self.values:
            return ", ".join(str(value) for value in self.values)
        if self.elements is not None:
            return f"{self.unexpected} of {self.elements} rows"
        return "could not check"


def _evaluate(suite: Suite, rows_df: pd.DataFrame) -> Iterable[_Outcome]:
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
        batch_parameters={"dataframe": rows_df}
    )
    expectations = [
        getattr(gx.expectations, expectation.type)(**expectation.arguments, notes=expectation.title)
        for expectation in suite.expectations
    ]
    result_format = {
        "result_format": "SUMMARY",
        "partial_unexpected_count": RECORDED_ROWS,
        "unexpected_index_column_names": [name for name in suite.row if name in rows_df],
    }
    validation = batch.validate(
        gx.ExpectationSuite(name=suite.name, expectations=expectations), result_format=result_format
    )
    return [_read_outcome(result) for result in validation.results]


def _read_outcome(result: Any) -> _Outcome:
    details: Mapping[str, Any] = result.result or {}
    causes = [
        exception.get("exception_message")
        for exception in (result.exception_info or {}).values()
        if isinstance(exception, Mapping)
    ]
    values = (details["observed_value"],) if "observed_value" in details else ()
    return _Outcome(
        expectation=str(result.expectation_config.notes),
        success=bool(result.success),
        rows=tuple(details.get("partial_unexpected_index_list") or ())[:RECORDED_ROWS],
        unexpected=int(details.get("unexpected_count") or 0),
        elements=details.get("element_count") if "unexpected_count" in details else None,
        values=values,
        cause=str(causes[0]) if causes and not details else None,
    )

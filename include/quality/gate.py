"""The gates: a suite is looked at with Great Expectations, written down, and passes or raises.

Only this module imports Great Expectations. What cannot be checked has not passed.
"""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any, Self

import duckdb
import great_expectations as gx
import pandas as pd
from great_expectations.data_context.types.base import ProgressBarsConfig

from include.lake.reading import create_view, open_table
from include.quality.results import Finding, QualityRun
from include.quality.suites import FORECAST, HISTORY, Suite

SHOWN_ROWS = 5
# So many rows are looked at in one frame, so that memory does not grow with the history.
SLICE_ROWS = 200_000
SORTING_MEMORY = "512MB"
EVER = datetime(1970, 1, 1, tzinfo=UTC)


def check_history(
    lake: str,
    *,
    run_id: str,
    now: datetime,
    pages: Path | None = None,
    fresh_since: datetime = EVER,
    slice_rows: int = SLICE_ROWS,
) -> int:
    """Pass the staged history, or stop it; give the number of rows looked at.

    Its newest minute must not lie before `fresh_since`. The library sees `slice_rows` rows at
    a time, in the order of their minutes.

    Raises:
        GateFailed: names suite, expectation and the first rows; or says why it could not look.
    """
    run = QualityRun(lake, run_id, now, pages)
    table = open_table(lake, "history_staging")
    if table is None:
        raise run.unseen(HISTORY.name, "nothing is staged")
    with tempfile.TemporaryDirectory() as spill, duckdb.connect() as link:
        link.execute(f"SET memory_limit = '{SORTING_MEMORY}'")
        link.execute(f"SET temp_directory = '{spill}'")
        create_view(link, "history_staging", table)
        given = {"now": now, "fresh_since": fresh_since}
        return _checked(HISTORY, link, run, slice_rows=slice_rows, given=given)


def check_forecast(
    draft: pd.DataFrame, lake: str, *, run_id: str, now: datetime, pages: Path | None = None
) -> int:
    """Pass a drafted forecast, or stop it; give the number of rows looked at.

    Raises:
        GateFailed: as above.
    """
    with duckdb.connect() as link:
        link.register("draft", draft)
        run = QualityRun(lake, run_id, now, pages)
        return _checked(FORECAST, link, run, slice_rows=max(len(draft), 1), given={})


def _checked(
    suite: Suite,
    link: duckdb.DuckDBPyConnection,
    run: QualityRun,
    *,
    slice_rows: int,
    given: dict[str, datetime],
) -> int:
    looked, rows = [], 0
    try:
        link.execute("SET TimeZone = 'UTC'")
        for frame in _slices(link.sql(suite.select, params=given), slice_rows):
            rows += len(frame)
            looked.append(_looks(suite, frame))
    except duckdb.Error as error:
        raise run.unseen(suite.name, str(error).splitlines()[0]) from error
    run.record(suite.name, [reduce(add, ones).found for ones in zip(*looked, strict=True)])
    return rows


def _slices(selected: duckdb.DuckDBPyRelation, slice_rows: int) -> Iterator[pd.DataFrame]:
    """The rows in frames of at most `slice_rows`; one empty frame if there are none."""
    reader = selected.to_arrow_reader(slice_rows)
    empty = True
    for batch in reader:  # whose rows are a multiple of what the engine handles at a time
        for start in range(0, batch.num_rows, slice_rows):
            yield batch.slice(start, slice_rows).to_pandas()
            empty = False
    if empty:
        yield reader.schema.empty_table().to_pandas()


def validated(suite: Suite, frame: pd.DataFrame) -> list[Finding]:
    """Each expectation's outcome over the frame."""
    return [look.found for look in _looks(suite, frame)]


@dataclass(frozen=True)
class _Look:
    """What one expectation saw in one slice, or, added up, in several."""

    expectation: str
    success: bool
    rows: tuple[Any, ...] = ()
    unexpected: int = 0
    elements: int | None = None
    values: tuple[Any, ...] = ()
    cause: str | None = None

    def __add__(self, later: Self) -> Self:
        elements = [one.elements for one in (self, later) if one.elements is not None]
        return type(self)(
            expectation=self.expectation,
            success=self.success and later.success,
            rows=(self.rows + later.rows)[:SHOWN_ROWS],
            unexpected=self.unexpected + later.unexpected,
            elements=sum(elements) if elements else None,
            values=self.values + tuple(one for one in later.values if one not in self.values),
            cause=self.cause or later.cause,
        )

    @property
    def found(self) -> Finding:
        rows = json.dumps(list(self.rows), default=str) if self.rows else None
        return Finding(self.expectation, self.success, self._observed, rows)

    @property
    def _observed(self) -> str:
        if self.cause is not None:
            return f"could not look: {self.cause}"
        if self.values:
            return ", ".join(str(value) for value in self.values)
        if self.elements is not None:
            return f"{self.unexpected} of {self.elements} rows"
        return "could not look"


def _looks(suite: Suite, frame: pd.DataFrame) -> Iterable[_Look]:
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
        "result_format": "SUMMARY",
        "partial_unexpected_count": SHOWN_ROWS,
        "unexpected_index_column_names": [name for name in suite.row if name in frame],
    }
    found = batch.validate(
        gx.ExpectationSuite(name=suite.name, expectations=expectations), result_format=shown
    )
    return [_look(result) for result in found.results]


def _look(result: Any) -> _Look:
    told: Mapping[str, Any] = result.result or {}
    causes = [
        one.get("exception_message")
        for one in (result.exception_info or {}).values()
        if isinstance(one, Mapping)
    ]
    values = (told["observed_value"],) if "observed_value" in told else ()
    return _Look(
        expectation=str(result.expectation_config.notes),
        success=bool(result.success),
        rows=tuple(told.get("partial_unexpected_index_list") or ())[:SHOWN_ROWS],
        unexpected=int(told.get("unexpected_count") or 0),
        elements=told.get("element_count") if "unexpected_count" in told else None,
        values=values,
        cause=str(causes[0]) if causes and not told else None,
    )

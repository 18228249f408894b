"""What each gate expects, one suite a table, as plain declarations (Great Expectations' names).

Each suite reads its own columns by SQL, so that a rule about several columns is one column that
must be true. Prices come as doubles: the rules compare, they don't add up. Rows may be checked
slice by slice, so what is about all of them (coverage, duplicates) is a column of the select.
"""

from dataclasses import dataclass, field
from typing import Any

from include.market.predicted_move import FORECAST_SIDES


@dataclass(frozen=True)
class Expectation:
    """One of Great Expectations' own expectations, by its class name, with its arguments."""

    type: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Its name with the columns it is about, such as `ColumnValuesToNotBeNull(minute)`."""
        named = (value for name, value in self.arguments.items() if name.startswith("column"))
        about = [value for value in named if isinstance(value, str)]
        return f"{self.type.removeprefix('Expect')}({', '.join(about)})"


@dataclass(frozen=True)
class Suite:
    """A named list of expectations over the rows that `select` gives; `row` names a row."""

    name: str
    select: str
    row: tuple[str, ...]
    expectations: tuple[Expectation, ...]


def expect_columns(type_: str, *column_names: str, **more: Any) -> tuple[Expectation, ...]:
    """One expectation, for each of several columns."""
    return tuple(Expectation(type_, {"column": column, **more}) for column in column_names)


def expect_true(*column_names: str) -> tuple[Expectation, ...]:
    """That these columns are true in every row."""
    return expect_columns("ExpectColumnValuesToBeInSet", *column_names, value_set=[True])


# A decimal point in the wrong place, or cents among dollars; thin markets of 2012 moved threefold.
JUMP = 10
MIN_COVERAGE = 0.05
MIN_FOLLOWING = 0.1
HISTORY = Suite(
    name="history",
    select=f"""
        WITH whole AS (
            SELECT count(*) / (date_diff('minute', min(minute), max(minute)) + 1) AS coverage,
                count(DISTINCT symbol) = 1 AS one_symbol, max(minute) >= $fresh_since AS fresh
            FROM history_staging
        ), apart AS (
            SELECT minute - lag(minute) OVER (ORDER BY minute) = INTERVAL 1 MINUTE AS followed
            FROM history_staging
        ), steps AS (SELECT coalesce(avg(followed::INTEGER), 1) AS following FROM apart)
        SELECT source, symbol, minute, open::DOUBLE AS open, high::DOUBLE AS high,
            low::DOUBLE AS low, close::DOUBLE AS close, base_volume::DOUBLE AS base_volume, traded,
            traded = (open IS NOT NULL AND high IS NOT NULL AND low IS NOT NULL
                      AND close IS NOT NULL) AS priced_if_traded,
            date_trunc('minute', minute) = minute AS whole_minute,
            minute <= $now AS not_in_future,
            coalesce(minute > lag(minute) OVER by_time, true) AS later_minute,
            coalesce(
                abs(log(close / lag(close IGNORE NULLS) OVER by_time)) <= log({JUMP})
                OR minute - lag(CASE WHEN traded THEN minute END IGNORE NULLS) OVER by_time
                    > INTERVAL 1 HOUR,
                true
            ) AS no_jump,
            one_symbol, fresh, coverage, following
        FROM history_staging, whole, steps WINDOW by_time AS (ORDER BY minute) ORDER BY minute""",
    row=("source", "symbol", "minute"),
    expectations=(
        Expectation("ExpectTableRowCountToBeBetween", {"min_value": 1}),
        Expectation(
            "ExpectTableColumnsToMatchSet",
            {
                "column_set": [
                    "source",
                    "symbol",
                    "minute",
                    "open",
                    "high",
                    "low",
                    "close",
                    "base_volume",
                    "traded",
                    "priced_if_traded",
                    "whole_minute",
                    "not_in_future",
                    "later_minute",
                    "no_jump",
                    "one_symbol",
                    "fresh",
                    "coverage",
                    "following",
                ],
                "exact_match": True,
            },
        ),
        *expect_columns("ExpectColumnValuesToNotBeNull", "source", "symbol", "minute", "traded"),
        *expect_columns("ExpectColumnValuesToNotBeNull", "base_volume"),
        *expect_columns(
            "ExpectColumnDistinctValuesToBeInSet", "source", value_set=["kaggle", "bitfinex"]
        ),
        *expect_true("one_symbol", "fresh", "later_minute"),
        *expect_true("priced_if_traded", "whole_minute", "not_in_future"),
        *expect_columns(
            "ExpectColumnValuesToBeBetween",
            "open",
            "high",
            "low",
            "close",
            min_value=0,
            strict_min=True,
        ),
        *expect_columns("ExpectColumnValuesToBeBetween", "base_volume", min_value=0),
        *(
            Expectation(
                "ExpectColumnPairValuesAToBeGreaterThanB",
                {
                    "column_A": upper,
                    "column_B": lower,
                    "or_equal": True,
                    "ignore_row_if": "either_value_is_missing",
                },
            )
            for upper, lower in (
                ("high", "open"),
                ("high", "close"),
                ("open", "low"),
                ("close", "low"),
            )
        ),
        *expect_true("no_jump"),
        *expect_columns("ExpectColumnMinToBeBetween", "coverage", min_value=MIN_COVERAGE),
        # hourly bars, or bars of five minutes, are no minutes
        *expect_columns("ExpectColumnMinToBeBetween", "following", min_value=MIN_FOLLOWING),
    ),
)

FORECAST = Suite(
    name="forecast",
    select="""
        SELECT ds, side, yhat, yhat_lower, yhat_upper,
            yhat_lower <= yhat AND yhat <= yhat_upper AS within_bounds,
            coalesce(ds - lag(ds) OVER (ORDER BY ds) = INTERVAL 1 MINUTE, true) AS minute_apart,
            isfinite(yhat) AND yhat > 0 AS a_price
        FROM draft ORDER BY ds""",
    row=("ds",),
    expectations=(
        Expectation("ExpectTableRowCountToBeBetween", {"min_value": 1}),
        *expect_columns(
            "ExpectColumnValuesToNotBeNull", "ds", "side", "yhat", "yhat_lower", "yhat_upper"
        ),
        *expect_columns("ExpectColumnValuesToBeInSet", "side", value_set=list(FORECAST_SIDES)),
        *expect_columns("ExpectColumnValuesToBeUnique", "ds"),
        *expect_true("minute_apart", "within_bounds", "a_price"),
    ),
)

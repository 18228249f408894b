"""The slower thread that polls Postgres for all viewers."""

import logging
import threading
import time
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from operator import itemgetter

from include.backoff import Backoff
from include.errors import Unreachable
from include.log import event
from include.market.average import AVERAGE_PRICE
from include.market.jumps import JUMP
from include.market.time import SECOND_US
from include.serving.annotations import Annotation, read_annotation
from include.serving.connection import Row
from include.serving.read_only_query import query_read_only
from include.settings import Settings
from include.settings.groups import DatabaseRole
from streaming.dashboard.minute_flows import TradeFlow
from streaming.dashboard.series import SecondValues
from streaming.dashboard.sources.postgres_queries import (
    FACTS,
    Answers,
    frequent_queries,
    infrequent_queries,
)
from streaming.dashboard.state import DashboardState, ForecastPoint, PostgresSnapshot

log = logging.getLogger("tickhouse.dashboard")
MAX_WAIT_S = 15.0
INFREQUENT_POLLS = 5


def poll_postgres(settings: Settings, state: DashboardState, stop: threading.Event) -> None:
    """Query every `dashboard.poll_s` until `stop`; wait longer and longer during an outage."""
    failures = polls = 0
    backoff = Backoff(first_s=settings.dashboard.poll_s, max_s=MAX_WAIT_S)
    while not stop.is_set():
        queries = frequent_queries()
        if polls % INFREQUENT_POLLS == 0 and state.clock_us:
            queries |= infrequent_queries(clock_us=state.clock_us, keep_s=state.keep_s)
        try:
            answers = query_read_only(
                settings.dsn(DatabaseRole.DASHBOARD), queries, timeout_s=settings.dashboard.query_s
            )
        except Unreachable as error:
            if not failures:
                log.warning(event("postgres is unreachable", error=error))
            failures += 1
            stop.wait(backoff.wait_s(failures))
            continue
        if failures:
            log.info(event("postgres answers again", after_tries=failures))
        failures, polls = 0, polls + (1 if state.clock_us else 0)
        apply_answers(state, answers, seen_s=time.time(), window_s=settings.stream.window_s)
        stop.wait(settings.dashboard.poll_s)


def apply_answers(state: DashboardState, answers: Answers, *, seen_s: float, window_s: int) -> None:
    """Bring the state up to what Postgres answered at `seen_s` (wall clock)."""
    state.postgres = make_snapshot(state.postgres, answers, seen_s=seen_s)
    with state.lock:
        add_facts(state, answers, window_s=window_s)
        for row in answers.get("minutes", []):
            minute = int(row["minute"].timestamp()) // 60
            state.series_of(row["venue"], row["symbol"]).minutes.settle(minute, make_flow(row))
        for row in answers.get("ratios", []):
            add_signal(state, row, int(row["timestamp"].timestamp()))


def add_signal(state: DashboardState, row: Row, second: int) -> None:
    """Add a window's ratio or one of its two sums, a jump, or the average across suppliers."""
    if row["type"] == AVERAGE_PRICE:
        averages = state.averages.setdefault(row["symbol"], SecondValues(state.keep_s))
        averages.put(second, float(row["value"]))
        return
    series = state.series_of(row["venue"], row["symbol"])
    by_type = series.sums | {"price_volume": series.ratios, JUMP: series.jumps}
    if row["type"] in by_type:
        by_type[row["type"]].put(second, float(row["value"]))


def make_snapshot(before: PostgresSnapshot, answers: Answers, *, seen_s: float) -> PostgresSnapshot:
    """The snapshot that follows `before`; forecasts stay where the poll did not ask for them."""
    return PostgresSnapshot(
        seen_s=seen_s,
        venues=frozenset(row["venue"] for row in answers.get("feeds", [])),
        account_rows=tuple(answers.get("account_states", ())),
        short=group_points(answers["short"]) if "short" in answers else before.short,
        long=group_points(answers["long"]) if "long" in answers else before.long,
        short_term=group_points(answers["short_term"])
        if "short_term" in answers
        else before.short_term,
        annotations=make_annotations(answers.get("annotations", [])),
    )


def make_annotations(table_rows: Iterable[Row]) -> tuple[Annotation, ...]:
    """The annotations of rows, oldest first."""
    return tuple(sorted((read_annotation(row) for row in table_rows), key=lambda note: note.at_s))


def add_facts(state: DashboardState, answers: Answers, *, window_s: int) -> None:
    """Add the trader's facts, dated at the end of the window that each follows from."""
    for name, fact_type in FACTS.items():
        for row in answers.get(name, []):
            fields = {field: row[field] for field in fact_type.__struct_fields__}
            end_us = int(row["window_start"].timestamp() + window_s) * SECOND_US
            state.activity_of(row["account"]).add(fact_type(**fields), end_us)
    for row in answers.get("balances", []):
        state.activity_of(row["account"]).balances[row["currency"]] = Decimal(row["amount"])


def make_flow(row: Row) -> TradeFlow:
    """The flow of a row of `trade_minutes`."""
    return TradeFlow(
        buys=row["total_count_buy"],
        sells=row["total_count_sell"],
        buy_base=row["total_base_buy"],
        sell_base=row["total_base_sell"],
        buy_quote=row["total_quote_buy"],
        sell_quote=row["total_quote_sell"],
        forced_buy_base=row["liquidated_base_buy"],
        forced_sell_base=row["liquidated_base_sell"],
    )


def _points(point_rows: Iterable[Row]) -> tuple[ForecastPoint, ...]:
    return tuple(
        ForecastPoint(
            second=int(row["ds"].timestamp()),
            yhat=row["yhat"],
            lower=row["yhat_lower"],
            upper=row["yhat_upper"],
            is_anchored=row.get("anchor_minute") is not None,
        )
        for row in point_rows
    )


def group_points(point_rows: Iterable[Row]) -> dict[str, tuple[ForecastPoint, ...]]:
    """The points of rows in the order of their symbols and times, by symbol."""
    return {
        symbol: _points(group) for symbol, group in groupby(point_rows, key=itemgetter("symbol"))
    }

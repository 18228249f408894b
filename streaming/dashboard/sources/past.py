"""The market of a span of the past, as the state that the panels show.

Minutes, signals and the trader's facts come from Postgres. What is older than its oldest minute
comes from the lake, and so does all of it while Postgres does not answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deltalake import DeltaTable

from include.errors import TickhouseError, Unreachable
from include.lake.file_selection import files_in_spans, list_files, list_uris
from include.lake.reading import query
from include.market.time import SECOND_US
from include.serving.connection import Row
from include.serving.read_only_query import query_read_only
from include.settings import Settings
from include.settings.groups import DatabaseRole
from streaming.dashboard.choice import Span
from streaming.dashboard.series import AuctionPrice, BestPrices, ContractValues, SecondValues
from streaming.dashboard.sources.past_queries import (
    LAKE_AUCTIONS,
    LAKE_CONTRACTS,
    LAKE_HISTORY,
    LAKE_MINUTES,
    LAKE_SIGNALS,
    align_start,
    past_queries,
)
from streaming.dashboard.sources.postgres import (
    add_facts,
    add_signal,
    group_points,
    make_annotations,
    make_flow,
)
from streaming.dashboard.sources.postgres_queries import Answers
from streaming.dashboard.state import DashboardState, PostgresSnapshot

QUERY_S = 20.0


@dataclass(frozen=True)
class PastMarket:
    """The state of a span's end, and a sentence for what could not be read, if anything."""

    state: DashboardState
    notice: str = ""


def read_past(settings: Settings, symbols: tuple[str, ...], chosen_span: Span) -> PastMarket:
    """Read a span of these symbols; what cannot be read is named, and the rest is shown."""
    chosen = tuple(dict.fromkeys((*symbols, settings.trader.symbol)))
    notices: list[str] = []
    answers: Answers = {}
    try:
        queries = past_queries(chosen, chosen_span, account_name=settings.trader.account)
        answers = query_read_only(settings.dsn(DatabaseRole.DASHBOARD), queries, timeout_s=QUERY_S)
    except Unreachable as error:
        notices.append(f"without Postgres ({error})")
    try:
        lake = _read_lake(settings.lake, chosen, chosen_span, oldest_at=_find_oldest(answers))
    except (TickhouseError, OSError) as error:
        lake = {}
        notices.append(f"without the lake ({error})")
    for name in ("minutes", "ratios"):
        answers[name] = [*lake.get(name, []), *answers.get(name, [])]
    for name in ("history", "contracts", "auctions"):
        answers[name] = lake.get(name, [])
    return PastMarket(build_state(settings, answers, chosen_span), "; ".join(notices))


def _find_oldest(answers: Answers) -> datetime | None:
    oldest = answers.get("oldest")
    return oldest[0]["oldest"] if oldest else None


def _read_lake(
    lake: str, symbols: tuple[str, ...], chosen_span: Span, *, oldest_at: datetime | None
) -> Answers:
    """What lies before the step that holds Postgres' oldest minute; history of the whole span."""
    first, until = align_start(chosen_span), datetime.fromtimestamp(chosen_span.end_s, UTC)
    bindings = {"symbols": list(symbols), "step": chosen_span.step_s, "first": first}
    span = {"first": first, "until": until}
    bases = {"bases": [symbol.partition("-")[0] for symbol in symbols]}
    answers = {
        "history": _ask(lake, LAKE_HISTORY, "minute", bindings | {"until": until}),
        "contracts": _ask(
            lake, LAKE_CONTRACTS, "received_time", bases | span | {"step": chosen_span.step_s}
        ),
        "auctions": _ask(lake, LAKE_AUCTIONS, "received_time", {"symbols": list(symbols)} | span),
    }
    beyond = until if oldest_at is None else min(oldest_at, until)
    if beyond > first:
        answers["minutes"] = _ask(lake, LAKE_MINUTES, "minute", bindings | {"until": beyond})
        answers["ratios"] = _ask(lake, LAKE_SIGNALS, "timestamp", bindings | {"until": beyond})
    return answers


def _ask(lake: str, statement: str, time_column: str, bindings: Mapping[str, Any]) -> list[Row]:
    """The rows of a statement; only files that may have rows of its span are opened."""
    span = bindings["first"], bindings["until"]

    def choose_files(_: str, table: DeltaTable) -> list[str]:
        return list_uris(files_in_spans(list_files(table), time_column, [span]))

    names, rows = query(lake, statement, bindings, all_tables=True, choose_files=choose_files)
    return [dict(zip(names, row, strict=True)) for row in rows]


def build_state(settings: Settings, answers: Answers, chosen_span: Span) -> DashboardState:
    """The state that has these answers; its clock is the span's end."""
    keep_s = chosen_span.length_s + 2 * chosen_span.step_s
    state = DashboardState(
        keep_s, clock_us=chosen_span.end_s * SECOND_US, clock_seen_s=chosen_span.end_s
    )
    for row in answers.get("minutes", []):
        _add_minutes(state, row, chosen_span)
    for row in answers.get("ratios", []):
        second = _last_second(row, chosen_span)
        add_signal(state, row, second)
        if row["type"] == "price_volume":
            state.series_of(row["venue"], row["symbol"]).signal_seen_s = second
    for row in answers.get("history", []):
        history = state.history.setdefault(row["symbol"], SecondValues(keep_s))
        history.put(_last_second(row, chosen_span), float(row["close"]))
    _add_contracts(state, answers, chosen_span)
    _add_tops(state, answers, settings, chosen_span)
    add_facts(state, answers, window_s=settings.stream.window_s)
    state.postgres = PostgresSnapshot(
        seen_s=float(chosen_span.end_s),
        short=group_points(answers.get("short", [])),
        annotations=make_annotations(answers.get("annotations", [])),
    )
    return state


def _last_second(row: Row, chosen_span: Span) -> int:
    """The last second of a row's step, where its closing value belongs."""
    return min(int(row["bucket"]) + chosen_span.step_s, chosen_span.end_s) - 1


def _add_minutes(state: DashboardState, row: Row, chosen_span: Span) -> None:
    """Add a step of minutes; one that both Postgres and the lake have a part of is summed."""
    series, minute = state.series_of(row["venue"], row["symbol"]), int(row["bucket"]) // 60
    series.minutes.settle(minute, make_flow(row) + series.minutes.served_flow(minute))
    series.prices.put(_last_second(row, chosen_span), float(row["close"]))
    series.price = float(row["close"])
    series.price_seen_s = series.trade_seen_s = float(chosen_span.end_s)


def _add_contracts(state: DashboardState, answers: Answers, chosen_span: Span) -> None:
    """Add what tickers had of contracts, step by step, and the prices of auctions."""
    seen_s = float(chosen_span.end_s)
    for row in answers.get("contracts", []):
        series = state.series_of(row["venue"], row["symbol"])
        numbers = (row[name] for name in ("mark", "index", "open_interest", "funding_8h"))
        values = ContractValues(*(None if n is None else float(n) for n in numbers))
        series.contracts.put(_last_second(row, chosen_span), values)
        series.contract_seen_s = seen_s
    for row in answers.get("auctions", []):
        series, is_result = state.series_of(row["venue"], row["symbol"]), row["phase"] == "result"
        price = AuctionPrice(float(row["price"]), float(row["quantity"] or 0), is_result)
        series.auctions.put(row["second"], price)
        series.auction_seen_s = seen_s


def _add_tops(
    state: DashboardState, answers: Answers, settings: Settings, chosen_span: Span
) -> None:
    """Best prices as the trader saw them, once a minute, of its venue and symbol alone."""
    tops = answers.get("tops", [])
    if not tops:
        return
    series = state.series_of(settings.trader.venue, settings.trader.symbol)
    series.book_seen_s = series.measure_seen_s = float(chosen_span.end_s)
    for row in tops:
        second, bid, ask = _last_second(row, chosen_span), float(row["bid"]), float(row["ask"])
        series.tops.put(second, BestPrices(bid, ask))
        series.mids.put(second, (bid + ask) / 2)

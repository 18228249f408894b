"""The hourly check finds a doubled offset, a price astray, an unexplained minute, a stale table."""

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.errors import GateFailed
from include.lake.reading import query
from include.lake.tables import TABLES
from include.lake.writing import arrow_rows, replace_rows
from include.orchestration import tasks
from include.quality.lake_gate import check_lake, is_new
from include.quality.page import page_of
from include.quality.results import QualityRun
from include.settings import Settings
from tests.support.lake_of_rows import put
from tests.support.listed_files import list_absent_files

T0 = datetime(2026, 4, 24, 5, 0, tzinfo=UTC)
NOW = T0 + timedelta(minutes=10)
Rows = dict[str, list[dict[str, Any]]]


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def landed(offset: int, when: datetime, **more: Any) -> dict[str, Any]:
    return {
        "topic": "t",
        "partition": 0,
        "offset": offset,
        "event_index": 0,
        "kafka_time": when,
        "v": 1,
        "venue": "gemini",
        "symbol": "BTC-USD",
        "kind": "k",
        "conn": "c",
        "venue_time": when,
        "received_time": when,
        **more,
    }


def minute(number: int, **more: Any) -> dict[str, Any]:
    ones = {
        column.name: 1
        for column in TABLES["trade_minutes"].columns
        if column.type.startswith(("decimal", "bigint", "double"))
    }
    ones["vwap"] = 1.0  # type: ignore[assignment]
    fields = {"venue": "gemini", "symbol": "BTC-USD", "minute": at(number), "complete": True}
    return {**ones, **fields, **more}


def sound() -> Rows:
    trade = {"price": Decimal(9000), "quantity": Decimal(1), "side": "buy"}
    return {
        "trades": [landed(n, at(n), trade_id=str(n), traded_at=at(n), **trade) for n in range(10)],
        "tickers": [landed(n, at(n + 0.5), last=Decimal(9000)) for n in range(10)],
        "book_changes": [
            landed(n, at(n + 0.5), side="bid", price=Decimal(1), remaining=Decimal(1))
            for n in range(10)
        ],
        "quotes": [
            landed(n, at(n + 0.1), venue="kraken", price=Decimal(9010), currency="USD")
            for n in range(10)
        ],
        "feed_ledger": [landed(0, at(0), entry="connect", cause="start")],
        "trade_minutes": [minute(n) for n in range(9)],
    }


def check(settings: Settings, rows: Rows) -> int:
    for name, table_rows in rows.items():
        table = TABLES[name]
        replace_rows(settings.lake, table, arrow_rows(table, table_rows), symbol="BTC-USD")
    pages = settings.home / "quality"
    return check_lake(QualityRun(settings.lake, "r", NOW, pages), settings.quality)


def fault(settings: Settings, rows: Rows) -> str:
    with pytest.raises(GateFailed) as caught:
        check(settings, rows)
    return str(caught.value)


def test_a_check_fails_quietly_while_a_world_is_new(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "from_environment", lambda: settings)
    with pytest.raises(AirflowSkipException, match="gate prices could not check"):
        tasks.check_streamed_tables(run_id="r")  # no table is there yet
    fault(settings, {"trades": sound()["trades"]})
    with pytest.raises(AirflowSkipException, match="gate minutes could not check"):
        tasks.check_streamed_tables(run_id="r")
    assert is_new(settings.lake, now=datetime.now(UTC) + timedelta(minutes=14))
    assert not is_new(settings.lake, now=datetime.now(UTC) + timedelta(minutes=16))
    monkeypatch.setattr("include.quality.lake_gate.NEW_SPAN", timedelta(0))
    with pytest.raises(GateFailed, match="gate minutes could not check"):
        tasks.check_streamed_tables(run_id="r")


def test_a_clean_lake_passes_every_suite_and_leaves_a_page(settings: Settings) -> None:
    # 4 tables twice, 2 venues, 10 minutes of prices, 9 minutes of trades, one symbol in each table
    assert check(settings, sound()) == 4 + 10 + 9 + 4 + 2 + 4
    suites = query(settings.lake, "SELECT DISTINCT suite FROM quality_results ORDER BY 1")[1]
    assert suites == [("freshness",), ("minutes",), ("offsets",), ("prices",), ("silence",)]
    page = page_of(settings.home / "quality", "r").read_text()
    assert "## prices: all 2 passed" in page


def test_an_offset_landed_twice_is_found(settings: Settings) -> None:
    rows = sound()
    rows["tickers"].append(rows["tickers"][3])
    message = fault(settings, rows)
    assert message.startswith("gate offsets: 1 of 2 failed")
    assert '"table_name": "tickers"' in message and '"doubled": "1"' in message


def test_a_price_off_the_suppliers_is_named_with_its_minute(settings: Settings) -> None:
    rows = sound()
    rows["trades"][4]["price"] = Decimal(9200)  # 9200 / 9010 is 2.1 % above
    message = fault(settings, rows)
    assert message.startswith("gate prices: 1 of 2 failed")
    assert "2026-04-24T05:04" in message.replace(" ", "T")
    rows["trades"][4]["price"] = Decimal(9180)  # 1.9 %
    check(settings, rows)


def test_a_minute_is_absent_only_with_an_explanation(settings: Settings) -> None:
    rows = sound()
    del rows["trade_minutes"][4]
    check(settings, rows)  # tickers came in it: no trade was made
    for name in ("tickers", "book_changes"):
        del rows[name][4]
    message = fault(settings, rows)
    assert message.startswith("gate minutes: 1 of 2 failed")
    assert '"state": "absent"' in message
    rows["feed_ledger"].append(landed(1, at(3.2), entry="disconnect", cause="reset"))
    check(settings, rows)  # an outage that had begun before
    rows["feed_ledger"].append(landed(2, at(3.6), entry="connect", cause="again"))
    assert "gate minutes" in fault(settings, rows)  # but it was over


@pytest.mark.parametrize("silent_h", [2, 23, 26, 24 * 6])
def test_a_symbol_that_is_silent_beside_a_live_one_passes_no_gate(
    settings: Settings, silent_h: int
) -> None:
    rows = sound()
    eth = [minute(-60 * silent_h - n, symbol="ETH-USD") for n in range(5)]
    minutes = TABLES["trade_minutes"]
    replace_rows(settings.lake, minutes, arrow_rows(minutes, eth), symbol="ETH-USD")
    message = fault(settings, rows)
    assert '"symbol": "ETH-USD"' in message and '"state": "absent"' in message
    stopped = landed(1, at(-60 * silent_h), entry="disconnect", cause="stopped", symbol="ETH-USD")
    ledger = TABLES["feed_ledger"]
    replace_rows(settings.lake, ledger, arrow_rows(ledger, [stopped]), symbol="ETH-USD")
    check(settings, rows)  # it is followed no more


def test_an_incomplete_minute_needs_a_row_of_the_ledger(settings: Settings) -> None:
    rows = sound()
    rows["trade_minutes"][6] = minute(6, complete=False)
    message = fault(settings, rows)
    assert '"state": "incomplete"' in message
    rows["feed_ledger"].append(landed(1, at(6.5), entry="gap", cause="hole"))
    rows["feed_ledger"].append(landed(2, at(6.6), entry="healed", cause="refilled"))
    check(settings, rows)


def test_a_hole_of_what_polls_prices_explains_no_incomplete_minute(settings: Settings) -> None:
    rows = sound()
    rows["trade_minutes"][3]["complete"] = False
    hole = landed(1, at(9), entry="dropped", cause="spool full: quote", conn="gemini-1-quotes")
    rows["feed_ledger"].append(hole)
    assert '"state": "incomplete"' in fault(settings, rows)


def test_a_table_without_news_is_stale(settings: Settings) -> None:
    rows = sound()
    rows["quotes"] = rows["quotes"][:5]  # the newest is 5 min 54 s old
    message = fault(settings, rows)
    assert message.startswith("gate freshness: 1 of 2 failed")
    assert '"table_name": "quotes"' in message


FUTURE = datetime(2099, 1, 1, tzinfo=UTC)


def test_a_record_that_kafka_stamped_in_2099_keeps_no_table_fresh(settings: Settings) -> None:
    rows = sound()
    rows["tickers"] = [landed(0, at(-300), last=Decimal(1)), landed(1, FUTURE, last=Decimal(1))]
    message = fault(settings, rows)
    assert "gate freshness: 1 of 2 failed" in message and '"table_name": "tickers"' in message


def test_a_hole_that_says_2099_explains_no_minute_after_it(settings: Settings) -> None:
    rows = sound()
    rows["trade_minutes"][6] = minute(6, complete=False)
    hole = landed(1, at(3), entry="gap", cause="hole", received_time=FUTURE)
    for stamped_at in (at(3), FUTURE):
        rows["feed_ledger"] = [landed(0, at(0), entry="connect", cause="start")]
        rows["feed_ledger"].append(hole | {"kafka_time": stamped_at})
        assert '"state": "incomplete"' in fault(settings, rows)


def test_a_minute_of_2099_makes_none_due_until_then(settings: Settings) -> None:
    rows = sound()
    rows["trade_minutes"].append(minute(0, minute=FUTURE))
    assert check(settings, rows) == 4 + 10 + 9 + 4 + 2 + 4


def test_a_venue_without_news_is_stale_while_others_have_some(settings: Settings) -> None:
    rows = sound()
    rows["quotes"] += [
        landed(20 + n, at(n), venue="coinbase", price=Decimal(9010), currency="USD")
        for n in range(4)
    ]
    message = fault(settings, rows)
    assert message.startswith("gate freshness: 1 of 2 failed")
    assert '"venue": "coinbase"' in message


def fall_silent(table_name: str, *, every: int = 1) -> Rows:
    """Gemini's BTC-USD has no rows in a table since 35 minutes; all else goes on as ever."""
    rows = sound()
    for name in ("trades", "tickers", "book_changes", "quotes"):
        (one, *_), rows[name] = rows[name], []
        for number in range(-70, 10):
            for venue, offset in (("gemini", 0), ("deribit", 1000)):
                is_silent = name == table_name and venue == "gemini" and number > -26
                is_due = name != "trades" or venue == "deribit" or number % every == 0
                if is_due and not is_silent:
                    times = dict.fromkeys(("kafka_time", "received_time"), at(number + 0.9))
                    rows[name].append(one | times | {"venue": venue, "offset": offset + number})
    rows["trade_minutes"] = [
        minute(number, venue=venue)
        for number in range(-70, 9)
        for venue in ("gemini", "deribit")
        if venue == "deribit" or (number % every == 0 and (number <= -26 or table_name != "trades"))
    ]
    return rows


@pytest.mark.parametrize("name", ["trades", "tickers", "book_changes", "quotes"])
def test_a_symbol_that_fell_silent_in_one_table_is_named(settings: Settings, name: str) -> None:
    message = fault(settings, fall_silent(name))
    assert "gate silence: 1 of 2 failed" in message and "gate freshness" not in message
    assert f'"table_name": "{name}", "venue": "gemini", "symbol": "BTC-USD"' in message


def test_a_symbol_that_seldom_trades_is_not_missed_so_soon(settings: Settings) -> None:
    check(settings, fall_silent("trades", every=2))


def test_a_symbol_that_was_stopped_is_not_missed(settings: Settings) -> None:
    rows = fall_silent("tickers")
    rows["feed_ledger"].append(landed(9, at(1), entry="disconnect", cause="stop"))
    check(settings, rows)
    rows["feed_ledger"].append(landed(10, at(2), entry="connect", cause="start"))
    assert "gate silence: 1 of 2 failed" in fault(settings, rows)


POLLED = {"conn": "gemini-1-quotes"}


def test_polled_tickers_explain_no_silence_of_a_feed(settings: Settings) -> None:
    rows = sound()
    for name in ("trade_minutes", "tickers", "book_changes"):
        del rows[name][4]
    rows["tickers"].append(landed(50, at(4.5), last=Decimal(9000), **POLLED))
    assert '"state": "absent"' in fault(settings, rows)


@pytest.mark.parametrize(
    "signs_of_life",
    [
        {"quotes": {"price": Decimal(9010), "currency": "USD", **POLLED}},
        {"tickers": {"last": Decimal(9000), **POLLED}},
        {"trades": {"trade_id": "7", "conn": "heal-1", "price": Decimal(9000), "side": "buy"}},
        {"book_changes": {"kind": "heartbeat", "event_index": -1}},
    ],
    ids=["polled prices", "polled tickers", "refilled trades", "heartbeats"],
)
def test_nothing_but_its_feed_makes_a_venue_fresh(settings: Settings, signs_of_life: Rows) -> None:
    """The feed of Gemini ended an hour ago; Deribit's keeps every table fresh."""
    rows = sound()
    for name in ("trades", "tickers", "book_changes"):
        rows[name] = [
            row | {"venue": "deribit", "offset": 100 + row["offset"]} for row in rows[name]
        ]
    rows["book_changes"].append(landed(0, at(-60)))
    for name, fields in signs_of_life.items():
        rows[name].append(landed(50, at(9.9), quantity=Decimal(1), **fields))  # type: ignore[arg-type]
    message = fault(settings, rows)
    assert "gate freshness: 1 of 2 failed" in message
    assert '"table_name": "any", "venue": "gemini"' in message


def test_polled_prices_of_a_venue_with_a_feed_have_an_age_of_their_own(settings: Settings) -> None:
    rows = sound()
    rows["quotes"].append(landed(50, at(1), price=Decimal(9010), currency="USD", **POLLED))
    assert '"venue": "quotes of gemini"' in fault(settings, rows)


def test_a_venue_that_is_silent_up_to_now_is_named(settings: Settings) -> None:
    """Its only trade of the day was before the window, two hours before now."""
    rows = sound()
    rows["trade_minutes"].append(minute(-140, venue="deribit"))
    message = fault(settings, rows)
    assert message.startswith("gate minutes: 1 of 2 failed")
    assert '"venue": "deribit"' in message and '"state": "absent"' in message


def test_other_messages_of_another_symbol_explain_no_silence(settings: Settings) -> None:
    rows = sound()
    for name in ("trade_minutes", "tickers", "book_changes"):
        del rows[name][4]
    put(Path(settings.lake), "tickers", [landed(50, at(4.5), symbol="ETH-USD")])
    assert "gate minutes: 1 of 2 failed" in fault(settings, rows)


@pytest.mark.parametrize(
    ("minute_of_entry", "fields"),
    [
        (3.2, {"symbol": "ETH-USD", "entry": "disconnect", "cause": "reset"}),
        (4.5, {"symbol": "ETH-USD", "entry": "connect", "cause": "start"}),
        (3.2, {"entry": "gap", "cause": "missing"}),
        (4.5, {"entry": "healed", "cause": "refilled by REST", "conn": "heal-1"}),
        (3.2, {"entry": "disconnect", "cause": "http 429", "conn": "gemini-1-quotes"}),
    ],
    ids=[
        "another symbol's outage",
        "another symbol's start",
        "a hole of before",
        "a healing",
        "its quotes",
    ],
)
def test_no_entry_of_something_else_explains_a_silence(
    settings: Settings, minute_of_entry: float, fields: dict[str, str]
) -> None:
    rows = sound()
    for name in ("trade_minutes", "tickers", "book_changes"):
        del rows[name][4]
    put(Path(settings.lake), "feed_ledger", [landed(0, at(0), entry="connect", cause="start")])
    put(Path(settings.lake), "feed_ledger", [landed(1, at(minute_of_entry), **fields)])
    del rows["feed_ledger"]
    message = fault(settings, rows)
    assert message.startswith("gate minutes: 1 of 2 failed") and '"state": "absent"' in message


def test_a_silence_that_the_ledger_explains_passes(settings: Settings) -> None:
    rows = sound()
    rows["trade_minutes"].append(minute(-140, venue="deribit"))
    row = landed(1, at(-139), venue="deribit", entry="disconnect", cause="reset")
    rows["feed_ledger"].append(row)
    check(settings, rows)


def test_what_cannot_be_looked_at_has_not_passed_and_hides_nothing_else(settings: Settings) -> None:
    rows = sound()
    del rows["quotes"]
    rows["trade_minutes"] = []
    message = fault(settings, rows)
    assert "gate prices could not check" in message
    assert "gate freshness could not check" in message
    assert "gate minutes: 1 of 2 failed: TableRowCountToBeBetween" in message
    failed_count = query(settings.lake, "SELECT count(*) FROM quality_results WHERE NOT success")[1]
    assert failed_count[0][0] == 5


def test_the_window_and_the_band_are_settings(settings: Settings) -> None:
    rows = sound()
    rows["trades"][1]["price"] = Decimal(9500)
    assert "gate prices" in fault(settings, rows)
    narrow = dataclasses.replace(settings.quality, price_band=0.1)
    check_lake(QualityRun(settings.lake, "r", NOW), narrow)
    late = dataclasses.replace(settings.quality, hours=5 / 60)
    check_lake(QualityRun(settings.lake, "r", NOW), late)


def test_files_of_before_the_window_are_not_opened(settings: Settings) -> None:
    check(settings, sound())
    long_ago = {"kafka_time": NOW - timedelta(days=3)}
    for name in ("trades", "tickers", "book_changes", "quotes"):
        list_absent_files(Path(settings.lake), name, [(long_ago, long_ago)])
    check_lake(QualityRun(settings.lake, "r", NOW), settings.quality)

"""Old rows of tables that are made from others go, and only those."""

import threading
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from include.errors import QueryError
from include.lake import derived_retention
from include.lake.audit.agreement import check_closed_minutes
from include.lake.closed_minutes import closing_watermarks, merge_closed
from include.lake.derived_retention import drop_derived_rows
from include.lake.derived_tables import BOOK_CHECKPOINTS, BOOK_SECONDS
from include.lake.floors import Floor, describe_dropped, write_floors
from include.lake.minutes import changed_minutes
from include.lake.recounted_minutes import minutes_before
from include.lake.writing import arrow_rows, merge_by_day
from include.market.wire import TopicPartition
from include.settings import Settings
from streaming.trader.rehearsal.lake import LakeSpan
from tests.conftest import make_settings
from tests.support.lake_of_rows import at, put
from tests.support.landed_rows import AT, land, trade

NOON = at("12:00")
DAY = timedelta(days=1)
LATER = AT + DAY
PRICES = ("bid", "ask", "spread", "bid_quantity", "ask_quantity", "bid_depth", "ask_depth")


def add_second(lake: str, days_ago: float, symbol: str = "BTC-USD") -> None:
    row = {"venue": "gemini", "symbol": symbol, "second": NOON - days_ago * DAY, "changes": 1}
    row |= dict.fromkeys(PRICES, 1) | {"microprice": 1.0}
    new_rows = arrow_rows(BOOK_SECONDS, [row])
    merge_by_day(lake, BOOK_SECONDS, new_rows, column="second", replace=False)


def seconds_of(lake: str) -> list[float]:
    rows = DeltaTable(f"{lake}/book_seconds").to_pyarrow_table()["second"].to_pylist()
    return sorted((NOON - second) / DAY for second in rows)


def world(tmp_path: Path, **more: str) -> Settings:
    return make_settings(tmp_path / "var", **more)


def test_seconds_older_than_their_days_go(tmp_path: Path) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_BOOK_SECONDS="3")
    for days_ago in (0, 1, 2.99, 3, 3.01, 4, 400):
        add_second(settings.lake, days_ago)
    assert drop_derived_rows(settings) == {"book_seconds": 3}
    assert seconds_of(settings.lake) == pytest.approx([0, 1, 2.99, 3])
    assert drop_derived_rows(settings) == {"book_seconds": 0}


def test_a_row_of_2099_makes_no_other_one_old(tmp_path: Path) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_BOOK_SECONDS="20000")
    for days_ago in (0, 1, 4, -26_700):
        add_second(settings.lake, days_ago)
    assert drop_derived_rows(settings) == {"book_seconds": 0}
    assert len(seconds_of(settings.lake)) == 4


@pytest.mark.parametrize("is_joined", [False, True], ids=["apart", "one file"])
def test_a_row_of_2099_takes_none_from_a_market_of_years_ago(
    tmp_path: Path, is_joined: bool
) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_BOOK_SECONDS="3")
    for days_ago in (3000, 3002, -26_700):
        add_second(settings.lake, days_ago)
    if is_joined:
        table = DeltaTable(f"{settings.lake}/book_seconds")
        write_deltalake(table, table.to_pyarrow_table(), mode="overwrite")
    assert drop_derived_rows(settings) == {"book_seconds": 0}
    assert len(seconds_of(settings.lake)) == 3


def test_without_days_or_rows_nothing_goes(tmp_path: Path) -> None:
    add_second(world(tmp_path).lake, 4000)
    assert drop_derived_rows(world(tmp_path)) == {}
    empty = world(tmp_path / "empty", LAKE_KEEP_DAYS_BOOK_SECONDS="3")
    assert drop_derived_rows(empty) == {"book_seconds": 0}


def test_checkpoints_go_by_their_receipt(tmp_path: Path) -> None:
    days = {"LAKE_KEEP_DAYS_BOOK_CHECKPOINTS": "2", "LAKE_KEEP_DAYS_BOOK_CHANGES": "2"}
    settings = world(tmp_path, **days)
    for number, days_ago in enumerate((0, 1, 5)):
        row = {"venue": "gemini", "symbol": "BTC-USD", "conn": "c", "partition": 0}
        row |= {"offset": number, "bids": "[]", "asks": "[]", "snapshot_time": NOON}
        row |= {"received_time": NOON - days_ago * DAY}
        new_rows = arrow_rows(BOOK_CHECKPOINTS, [row])
        merge_by_day(settings.lake, BOOK_CHECKPOINTS, new_rows, column="received_time")
    assert drop_derived_rows(settings) == {"book_checkpoints": 1}


def test_a_merge_beside_it_loses_nothing(tmp_path: Path) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_BOOK_SECONDS="3")
    for days_ago in range(8):
        add_second(settings.lake, days_ago)
    added = [-number / 86_400 for number in range(1, 21)]
    more = threading.Thread(target=lambda: [add_second(settings.lake, ago) for ago in added])
    more.start()
    while more.is_alive():
        drop_derived_rows(settings)
    more.join()
    drop_derived_rows(settings)
    assert seconds_of(settings.lake) == pytest.approx(sorted([*added, 0, 1, 2]))


def test_a_conflict_is_tried_again_and_at_last_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_BOOK_SECONDS="3")
    add_second(settings.lake, 0)
    outcomes: list[object] = [CommitFailedError("conflict"), 7]

    def delete(*_words: object, **_more: object) -> object:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(derived_retention, "delete_before", delete)
    assert drop_derived_rows(settings) == {"book_seconds": 7}
    outcomes += [CommitFailedError("conflict")] * 5
    with pytest.raises(CommitFailedError):
        drop_derived_rows(settings)


def test_a_forecast_goes_whole_by_the_end_of_its_training(tmp_path: Path) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_FORECASTS="3")
    for days_ago, name in ((0, "new"), (2, "kept"), (4, "old")):
        trained = NOON - days_ago * DAY
        minutes = [{"ds": trained + hours * DAY / 24} for hours in range(200)]
        row = {"forecast_id": name, "symbol": "BTC-USD", "side": "buy", "trained_until": trained}
        put(settings.lake, "forecasts", [row | minute for minute in minutes])
    assert drop_derived_rows(settings) == {"forecasts": 200}
    rows = DeltaTable(f"{settings.lake}/forecasts").to_pyarrow_table()
    assert set(rows["forecast_id"].to_pylist()) == {"new", "kept"}


def test_sql_and_a_backtest_hear_of_dropped_signals(tmp_path: Path) -> None:
    settings = world(tmp_path, LAKE_KEEP_DAYS_SIGNALS="91")
    for days_ago in (0, 90, 92):
        times = dict.fromkeys(("window_start", "timestamp"), NOON - days_ago * DAY)
        put(settings.lake, "signals", [times])
    assert describe_dropped(settings.lake, ["signals"]) == ""
    assert drop_derived_rows(settings) == {"signals": 1}
    sentence = (
        f"rows of signals up to {NOON - 91 * DAY:%Y-%m-%d %H:%M:%S} were dropped by retention "
        "(TICKHOUSE_LAKE_KEEP_DAYS_SIGNALS)"
    )
    assert describe_dropped(settings.lake, ["signals", "forecasts"]) == sentence
    with pytest.raises(QueryError, match="cannot be read: rows of signals"):
        LakeSpan(settings, start_at=NOON - 91 * DAY, end_at=NOON)
    assert drop_derived_rows(settings) == {"signals": 0}


def test_minutes_go_below_the_floor_of_their_trades_alone(tmp_path: Path) -> None:
    """What the audit recomputes and what a recount makes again is above the floor."""
    days = {"TRADES": "8", "TRADE_MINUTES": "8"}
    settings = world(
        tmp_path,
        **{f"LAKE_KEEP_DAYS_{name}": value for name, value in days.items()},
        STREAM_SERVED_DAYS="2",
        FORECAST_TRAIN_DAYS="2",
    )
    lake, ages = settings.lake, (0, 7, 9, 10, 11)
    trades = [
        trade(number, str(number), "buy", "1", "2", s=-86_400 * days_ago)
        for number, days_ago in enumerate(sorted(ages, reverse=True))
    ]
    land(Path(lake), "trades", trades)
    merge_closed(lake, minutes_before(lake, {0: 5}), watermarks=closing_watermarks({0: 5}, LATER))
    assert drop_derived_rows(settings) == {"trade_minutes": 0}
    write_floors(lake, [Floor(TopicPartition("market.trades", 0), 2, AT - 10 * DAY, 2, AT)])
    excluded = list[str]()
    assert drop_derived_rows(
        settings, exclude_writers=lambda name: nullcontext(excluded.append(name))
    ) == {"trade_minutes": 2}
    assert excluded == ["trade_minutes"]
    minutes = DeltaTable(f"{lake}/trade_minutes").to_pyarrow_table()["minute"].to_pylist()
    assert sorted((AT - minute) // DAY for minute in minutes) == [0, 7, 9]
    assert check_closed_minutes(lake, partition_count=1).ok
    recounted = changed_minutes(lake, {}).minutes["minute"].to_pylist()
    assert sorted(recounted) == sorted(minutes)

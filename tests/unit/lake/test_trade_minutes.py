"""Minutes of trades against hand-worked sums: repeats once, late ones too, only what changed."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from include.lake.closed_minutes import merge_closed
from include.lake.minutes import ChangedMinutes, changed_minutes
from include.lake.reading import query
from include.lake.tables import TABLES
from include.lake.writing import arrow_rows
from tests.support.lake_of_rows import at, put
from tests.support.landed_rows import AT, land, ledger, trade

D = Decimal


def minutes(lake: Path, positions: dict[int, int]) -> tuple[list[dict[str, Any]], dict[int, int]]:
    rows, after, *_ = changed_minutes(str(lake), positions)
    assert isinstance(rows, pa.Table)
    return rows.to_pylist(), after


def test_trades_once_leaves_repeats_out(tmp_path: Path) -> None:
    land(
        tmp_path,
        "trades",
        [
            trade(0, "1", "buy", "1", "1"),
            trade(1, "2", "buy", "1", "1"),
            trade(2, "1", "buy", "1", "1"),
            trade(3, "1", "buy", "1", "1") | {"symbol": "ETH-USDT"},
        ],
    )
    once = query(str(tmp_path), 'SELECT "offset" FROM trades_once ORDER BY "offset"')
    assert once == (["offset"], [(0,), (1,), (3,)])


def test_minute_totals_have_the_names_of_the_fifth_system(tmp_path: Path) -> None:
    minute = {"venue": "binance", "symbol": "BTC-USDT", "minute": AT, "total_count_buy": 3}
    put(tmp_path, "trade_minutes", [minute | {"total_base_sell": D("0.5"), "close": D(7)}])
    names, (row,) = query(str(tmp_path), "FROM minute_totals WHERE TIME > '2026-01-01'")
    assert {("minute_totals",), ("trade_minutes",)} <= set(query(str(tmp_path), "SHOW TABLES")[1])
    assert names == [
        "TIME",
        "VENUE",
        "SYMBOL",
        "TOTAL_COUNT_BUY",
        "TOTAL_COUNT_SELL",
        "TOTAL_BTC_BUY",
        "TOTAL_BTC_SELL",
        "TOTAL_USD_BUY",
        "TOTAL_USD_SELL",
    ]
    assert (row[0], row[3], row[6]) == (AT, 3, D("0.5"))


def test_a_minute_has_the_sums_of_its_trades_each_once(tmp_path: Path) -> None:
    land(tmp_path, "feed_ledger", [ledger(0, "gap", s=61)])
    land(
        tmp_path,
        "trades",
        [
            trade(0, "1", "buy", "100.5", "2", s=1),
            trade(1, "2", "sell", "101", "0.5000000001", s=2),
            trade(2, "1", "buy", "100.5", "2", s=1),  # a repeat after a reconnect
            trade(3, "3", "buy", "99", "1", s=59.9),
            trade(4, "4", "sell", "98", "1", s=60),
        ],
    )
    (first, second), after = minutes(tmp_path, {})
    assert after == {0: 5}
    assert (first["minute"], second["minute"]) == (AT, AT + timedelta(minutes=1))
    assert (first["total_count_buy"], first["total_count_sell"]) == (2, 1)
    assert (first["total_base_buy"], first["total_base_sell"]) == (D("3"), D("0.5000000001"))
    # 100.5 x 2 + 99 x 1 = 300; 101 x 0.5000000001 = 50.5000000101
    assert (first["total_quote_buy"], first["total_quote_sell"]) == (D("300"), D("50.5000000101"))
    prices = [first[name] for name in ("open", "high", "low", "close")]
    assert prices == [D("100.5"), D("101"), D("99"), D("99")]
    assert abs(first["vwap"] - 350.5000000101 / 3.5000000001) < 1e-9
    assert (first["complete"], second["complete"]) == (True, False)


def test_a_late_trade_restates_its_minute_and_no_other(tmp_path: Path) -> None:
    land(
        tmp_path, "trades", [trade(0, "1", "buy", "10", "1"), trade(1, "2", "buy", "20", "1", s=60)]
    )
    _, after = minutes(tmp_path, {})
    assert minutes(tmp_path, after) == ([], after)
    land(tmp_path, "trades", [trade(2, "3", "sell", "30", "2", s=30)])
    (late,), after = minutes(tmp_path, after)
    assert (late["minute"], after) == (AT, {0: 3})
    assert (late["total_count_buy"], late["total_count_sell"]) == (1, 1)
    assert (late["high"], late["total_quote_sell"]) == (D("30"), D("60"))


def test_a_trade_of_no_side_makes_prices_but_no_totals(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(0, "1", None, "7", "3")])
    (only,), _ = minutes(tmp_path, {})
    assert (only["total_count_buy"], only["total_count_sell"], only["close"]) == (0, 0, D("7"))


def test_auctions_and_block_trades_are_in_no_minute(tmp_path: Path) -> None:
    """The auction's price would be the high and the close, the block's the low."""
    land(
        tmp_path,
        "trades",
        [
            trade(0, "1", "buy", "10", "1", s=1),
            trade(1, "2", None, "50", "9", s=2) | {"condition": "auction"},
            trade(2, "3", "sell", "1", "9", s=3) | {"condition": "block"},
            trade(3, "4", None, "50", "9", s=61) | {"condition": "auction"},
        ],
    )
    (only,), after = minutes(tmp_path, {})
    assert (only["minute"], after) == (AT, {0: 4})
    assert (only["total_count_sell"], only["total_base_sell"], only["vwap"]) == (0, D(0), 10.0)
    assert {only[name] for name in ("open", "high", "low", "close")} == {D(10)}


def test_a_liquidation_counts_on_the_side_of_the_order_that_was_forced(tmp_path: Path) -> None:
    """A maker that is liquidated is on the other side of the taker, who gives a trade its side."""
    forced = ((None, "1"), ("taker", "2"), ("maker", "4"), ("both", "8"))
    land(
        tmp_path,
        "trades",
        [
            trade(8 * n + k, f"{side}{whose}", side, "10", size) | {"liquidation": whose}
            for n, side in enumerate(("buy", "sell"))
            for k, (whose, size) in enumerate(forced)
        ],
    )
    (only,), _ = minutes(tmp_path, {})
    assert only["liquidation_count"] == 6
    # bought by force: 2 + 8 of takers that bought, 4 + 8 of makers that a seller met
    assert (only["liquidated_base_buy"], only["liquidated_base_sell"]) == (D(22), D(22))
    one_sided = tmp_path / "one"
    land(one_sided, "trades", [trade(0, "1", "sell", "10", "4") | {"liquidation": "maker"}])
    (single,), _ = minutes(one_sided, {})
    assert (single["liquidated_base_buy"], single["liquidated_base_sell"]) == (D(4), D(0))


def test_an_older_delta_table_gets_the_columns_that_minutes_have_now(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(0, "1", "buy", "10", "2") | {"liquidation": "taker"}])
    counted, *_ = changed_minutes(str(tmp_path), {})
    older = [name for name in counted.column_names if not name.startswith("liquid")]
    write_deltalake(str(tmp_path / "trade_minutes"), counted.select(older))
    merge_closed(str(tmp_path), counted)
    names = "minute, total_base_buy, liquidation_count, liquidated_base_buy"
    _, rows = query(str(tmp_path), f"SELECT {names} FROM trade_minutes")
    assert rows == [(AT, D(2), 1, D(2))]


def test_a_contracts_minute_has_the_last_of_each_number_that_its_tickers_tell(
    tmp_path: Path,
) -> None:
    def ticker(clock: str, **numbers: str) -> dict[str, Any]:
        values = {name: D(number) for name, number in numbers.items()}
        named = {"venue": "deribit", "symbol": "BTC-PERPETUAL", "venue_time": at(clock)}
        return named | values

    put(
        tmp_path,
        "tickers",
        [
            ticker("12:00:10", mark_price="100", index_price="99", funding_rate="0.0001"),
            ticker("12:00:50", mark_price="102", open_interest="7"),
            ticker("12:00:30", mark_price="101", index_price="98"),  # late
            ticker("12:01:00", mark_price="103"),
            ticker("12:01:05", last="5"),
        ],
    )
    names = "minute, mark_price, index_price, open_interest, funding_rate"
    _, rows = query(str(tmp_path), f"SELECT {names} FROM contract_minutes ORDER BY minute")
    assert rows == [
        (at("12:00"), D(102), D(98), D(7), D("0.0001")),
        (at("12:01"), D(103), None, None, None),
    ]


def test_trades_of_a_table_that_lacks_newer_columns_are_counted(tmp_path: Path) -> None:
    row = trade(0, "1", "buy", "10", "2")
    write_deltalake(str(tmp_path / "trades"), arrow_rows(TABLES["trades"], [row]).select(list(row)))
    (only,), _ = minutes(tmp_path, {})
    assert only["total_quote_buy"] == D(20)


def test_a_lake_without_trades_has_no_minutes(tmp_path: Path) -> None:
    assert minutes(tmp_path, {0: 4}) == ([], {0: 4})


def seen(number: int, clock: str, *, received: str = "", venue: str = "binance") -> dict[str, Any]:
    return {
        "venue": venue,
        "symbol": "BTC-USDT",
        "trade_id": str(number),
        "price": D(1),
        "quantity": D(1),
        "side": "buy",
        "traded_at": at(clock),
        "received_time": at(received or clock),
    }


def said(
    entry: str, clock: str, first: int | None = None, last: int | None = None, **more: Any
) -> Any:
    row = {"venue": "binance", "symbol": "BTC-USDT", "entry": entry, "received_time": at(clock)}
    return row | {"cause": "missing", "first_seq": first, "last_seq": last} | more


def completeness(changed: ChangedMinutes) -> dict[str, bool]:
    return {f"{row['minute']:%H:%M}": row["complete"] for row in changed.minutes.to_pylist()}


def land_a_hole(lake: Path) -> None:
    """Numbers 101 to 400 are missing between 12:00:05 and 12:30:01; ten of them were refilled."""
    clocks = {99: "11:59:05", 100: "12:00:05", 401: "12:30:01", 402: "12:31:01"}
    refilled = [seen(101 + n, f"12:01:{n:02}", received="12:46:00") for n in range(10)]
    put(lake, "trades", [*(seen(n, clock) for n, clock in clocks.items()), *refilled])
    put(lake, "feed_ledger", [said("gap", "12:30:01", 101, 400)])


def test_a_hole_reaches_from_the_last_trade_before_it_to_the_first_behind(tmp_path: Path) -> None:
    land_a_hole(tmp_path)
    changed = changed_minutes(str(tmp_path), {})
    holes = {"12:00": False, "12:01": False, "12:30": False}
    assert completeness(changed) == {"11:59": True, **holes, "12:31": True}
    # healed: the minutes of the hole are given again, and no others
    put(tmp_path, "feed_ledger", [said("healed", "12:47:00", 101, 400) | {"offset": 1}])
    healed = changed_minutes(
        str(tmp_path),
        changed.offsets,
        ledger_offsets=changed.ledger_offsets,
        counted_files=changed.counted_files,
    )
    assert completeness(healed) == dict.fromkeys(holes, True)
    assert (
        changed_minutes(
            str(tmp_path), healed.offsets, ledger_offsets=healed.ledger_offsets
        ).minutes.num_rows
        == 0
    )


def test_a_hole_that_is_reported_after_its_minutes_were_counted_restates_them(
    tmp_path: Path,
) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(9, "12:10:00")])
    before = changed_minutes(str(tmp_path), {})
    assert completeness(before) == {"12:00": True, "12:10": True}
    put(tmp_path, "feed_ledger", [said("gap", "12:10:00", 2, 8)])
    after = changed_minutes(str(tmp_path), before.offsets, ledger_offsets=before.ledger_offsets)
    assert completeness(after) == {"12:00": False, "12:10": False}


def test_a_hole_of_one_symbol_is_none_of_another(tmp_path: Path) -> None:
    other = {"symbol": "ETH-USDT", "partition": 0, "offset": 9}
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(9, "12:00:10"), seen(5, "12:00:07") | other])
    put(tmp_path, "feed_ledger", [said("gap", "12:00:10", 2, 8)])
    rows = changed_minutes(str(tmp_path), {}).minutes.to_pylist()
    assert {row["symbol"]: row["complete"] for row in rows} == {"BTC-USDT": False, "ETH-USDT": True}


def test_what_was_given_up_as_lost_stays_incomplete(tmp_path: Path) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(9, "12:00:10")])
    put(tmp_path, "feed_ledger", [said("gap", "12:00:10", 2, 8), said("lost", "12:20:00", 2, 8)])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": False}


def test_a_reconnect_whose_numbers_follow_leaves_the_minute_complete(tmp_path: Path) -> None:
    put(tmp_path, "trades", [seen(n, f"12:0{n}:30") for n in (1, 2, 3)])
    entries = [
        said("disconnect", "12:02:10"),
        said("connect", "12:02:20"),
        said("stale", "12:03:00"),
    ]
    put(tmp_path, "feed_ledger", [said("connect", "12:01:20"), *entries])
    # the first connection began in 12:01: what was traded before it is not known
    found = completeness(changed_minutes(str(tmp_path), {}))
    assert found == {"12:01": False, "12:02": True, "12:03": True}


def test_the_minute_of_a_disconnect_is_decided_by_the_next_trade(tmp_path: Path) -> None:
    put(tmp_path, "trades", [seen(1, "11:59:00"), seen(2, "12:00:05")])
    put(tmp_path, "feed_ledger", [said("disconnect", "12:00:10")])
    before = changed_minutes(str(tmp_path), {})
    assert completeness(before) == {"11:59": True, "12:00": False}
    put(tmp_path, "trades", [seen(3, "12:40:00") | {"offset": 2}])
    reached = before.ledger_offsets
    after = changed_minutes(str(tmp_path), before.offsets, ledger_offsets=reached)
    assert completeness(after) == {"12:00": True, "12:40": True}
    put(tmp_path, "trades", [seen(4, "13:50:00") | {"offset": 3}])
    later = changed_minutes(str(tmp_path), after.offsets, ledger_offsets=reached)
    assert completeness(later) == {"13:50": True}


def test_a_hole_of_frames_counts_in_the_minute_of_its_receipt(tmp_path: Path) -> None:
    frames = [seen(5, "12:00:05", venue="gemini"), seen(11, "12:01:05", venue="gemini")]
    put(tmp_path, "trades", frames)
    gap = said("gap", "12:01:02", 77, 80, venue="gemini", cause="socket_sequence")
    put(tmp_path, "feed_ledger", [gap])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": True, "12:01": False}
    between = said("gap", "12:01:05", 6, 10, venue="gemini", cause="between_connections")
    put(tmp_path, "feed_ledger", [between | {"offset": 1}])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": False, "12:01": False}


def test_trades_that_a_full_spool_dropped_are_missing_where_they_were_made(tmp_path: Path) -> None:
    trades = [(1, "12:00:05"), (9, "12:10:00"), (10, "12:20:00"), (11, "12:30:00")]
    put(tmp_path, "trades", [seen(number, clock) for number, clock in trades])
    # reported when the broker was back, twenty minutes later
    dropped = said("dropped", "12:20:30", 2, 8, cause="spool full: trade")
    put(tmp_path, "feed_ledger", [dropped])
    whole = {"12:20": True, "12:30": True}
    before = changed_minutes(str(tmp_path), {})
    assert completeness(before) == {"12:00": False, "12:10": False, **whole}
    put(tmp_path, "feed_ledger", [said("healed", "12:40:00", 2, 8) | {"offset": 1}])
    healed = changed_minutes(str(tmp_path), before.offsets, ledger_offsets=before.ledger_offsets)
    assert completeness(healed) == {"12:00": True, "12:10": True}


def test_what_else_a_full_spool_dropped_counts_in_the_minute_of_its_report(tmp_path: Path) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(9, "12:10:00"), seen(10, "12:20:00")])
    put(tmp_path, "feed_ledger", [said("dropped", "12:20:30", 2, 8, cause="spool full: ticker")])
    minutes = completeness(changed_minutes(str(tmp_path), {}))
    assert minutes == {"12:00": True, "12:10": True, "12:20": False}


OF_FEED = said("gap", "12:00:10", 2, 8, cause="between_connections", conn="gemini-1-2")


@pytest.mark.parametrize(
    ("quotes_rows", "is_complete"),
    [
        ([said("gap", "12:00:10", cause="broken_chain")], True),
        ([said("gap", "12:00:10", 2, 8, cause="between_connections")], True),
        ([said("connect", "12:00:10", cause="answers")], True),
        ([said("disconnect", "12:00:40", cause="http 429")], True),
        ([said("dropped", "12:00:40", cause="spool full: quote")], True),
        ([OF_FEED, said("healed", "12:01:00", 2, 8)], False),
    ],
)
def test_what_polls_a_venues_prices_says_nothing_of_its_minutes(
    tmp_path: Path, quotes_rows: list[dict[str, Any]], is_complete: bool
) -> None:
    put(tmp_path, "trades", [seen(n, f"12:00:{n:02}", venue="gemini") for n in (1, 9)])
    of_quotes = {"conn": "gemini-1-quotes"}
    put(tmp_path, "feed_ledger", [of_quotes | row | {"venue": "gemini"} for row in quotes_rows])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": is_complete}


def test_the_end_of_what_polls_prices_brings_no_minute_back(tmp_path: Path) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05", venue="gemini")])
    before = changed_minutes(str(tmp_path), {})
    of_quotes = {"venue": "gemini", "conn": "gemini-1-quotes"}
    ends = [said("disconnect", "12:00:40"), said("gap", "12:00:50", 0, 3)]
    put(tmp_path, "feed_ledger", [row | of_quotes for row in ends])
    put(tmp_path, "trades", [seen(2, "12:01:05", venue="gemini") | {"offset": 1}])
    after = changed_minutes(str(tmp_path), before.offsets, ledger_offsets=before.ledger_offsets)
    assert completeness(after) == {"12:01": True}
    assert after.ledger_offsets == {0: 2}  # they are read all the same, once


@pytest.mark.parametrize(
    ("first", "last", "is_closed"),
    [(2, 8, True), (1, 9, True), (2, 7, False), (3, 8, False)],
)
def test_a_hole_is_closed_by_what_covers_all_of_it(
    tmp_path: Path, first: int, last: int, is_closed: bool
) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(9, "12:00:10")])
    healed = said("healed", "12:20:00", first, last)
    put(tmp_path, "feed_ledger", [said("gap", "12:00:10", 2, 8), healed])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": is_closed}


def test_a_trade_of_an_earlier_minutes_id_is_another_trade(tmp_path: Path) -> None:
    """A venue whose ids began again; of one minute alone the same comes out as of all."""
    put(tmp_path, "trades", [seen(5, "12:00:05"), seen(5, "12:00:06"), seen(5, "12:30:05")])
    rows = changed_minutes(str(tmp_path), {}).minutes.to_pylist()
    assert [row["total_count_buy"] for row in rows] == [1, 1]


@pytest.mark.parametrize(("received", "is_known"), [("23:59:00", True), ("36:01:00", False)])
def test_whether_a_minute_that_was_received_a_day_late_is_complete_is_not_known(
    tmp_path: Path, received: str, is_known: bool
) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05", received=received)])
    (row,) = changed_minutes(str(tmp_path), {}).minutes.to_pylist()
    assert row["complete"] is (True if is_known else None)


def test_a_hole_that_was_healed_in_two_entries_is_closed(tmp_path: Path) -> None:
    numbers = {1: "12:00:05", 4: "12:01:05", 5: "12:02:05", 9: "12:03:10"}
    put(tmp_path, "trades", [seen(number, clock) for number, clock in numbers.items()])
    put(tmp_path, "feed_ledger", [said("gap", "12:03:10", 2, 8)])
    first = said("healed", "12:20:00", 2, 4) | {"offset": 1}
    put(tmp_path, "feed_ledger", [first])
    assert completeness(changed_minutes(str(tmp_path), {})) == {
        "12:00": True,
        "12:01": False,  # 5, that follows, is of the part that is open still
        "12:02": False,
        "12:03": False,
    }
    put(tmp_path, "feed_ledger", [said("healed", "12:21:00", 5, 8) | {"offset": 2}])
    assert set(completeness(changed_minutes(str(tmp_path), {})).values()) == {True}


def test_what_was_healed_before_the_numbers_began_again_closes_no_hole(tmp_path: Path) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(9, "12:00:10")])
    earlier = said("healed", "11:20:00", 1, 400)
    put(tmp_path, "feed_ledger", [earlier, said("gap", "12:00:10", 2, 8)])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": False}


@pytest.mark.parametrize("entry", ["gap", "dropped"])
def test_a_ledger_row_that_says_2099_counts_in_the_minute_of_its_stamp(
    tmp_path: Path, entry: str
) -> None:
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(2, "12:00:10")])
    future = at("12:00:10").replace(year=2099)
    row = said(entry, "12:00:10") | {"received_time": future, "kafka_time": at("12:00:11")}
    put(tmp_path, "feed_ledger", [row])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": False}


def test_a_trade_whose_receipt_says_2099_leaves_it_known_whether_its_minute_is_complete(
    tmp_path: Path,
) -> None:
    future = {"received_time": at("12:00:06").replace(year=2099), "kafka_time": at("12:00:06")}
    put(tmp_path, "trades", [seen(1, "12:00:05"), seen(2, "12:00:06") | future])
    assert completeness(changed_minutes(str(tmp_path), {})) == {"12:00": True}

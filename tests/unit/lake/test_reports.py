"""Each report's rows, worked out by hand from a lake of a few rows."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from include.errors import QueryError
from include.lake.reading import query
from include.lake.reporting import list_reports, report
from tests.support.lake_of_rows import at, put

D = Decimal


def run_report(
    lake: Path, name: str, *, first: Any = None, until: Any = None, as_of: Any = None
) -> Any:
    definition = report(name)
    columns, rows = query(
        str(lake),
        definition.statement,
        definition.span(first, until),
        as_of=as_of,
        all_tables=True,
    )
    return [dict(zip(columns, row, strict=True)) for row in rows]


def chosen(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def minute(clock: str, close: str, *, day: int = 20, **more: Any) -> dict[str, Any]:
    prices = dict.fromkeys(("open", "high", "low", "close"), D(close))
    return {"venue": "gemini", "symbol": "BTC-USD", "minute": at(clock, day=day), **prices, **more}


def volumes(bought: str, sold: str, *, price: int, buys: int = 1, sells: int = 1) -> dict[str, Any]:
    return {
        "total_base_buy": D(bought),
        "total_base_sell": D(sold),
        "total_count_buy": buys,
        "total_count_sell": sells,
        "total_quote_buy": D(bought) * price,
        "total_quote_sell": D(sold) * price,
    }


def test_there_are_at_least_ten_reports_and_each_says_what_it_answers() -> None:
    assert len(list_reports()) >= 10
    for definition in list_reports().values():
        assert definition.question.endswith("?") and len(definition.reading) > 40, definition.name
        assert definition.tables, definition.name


@pytest.mark.parametrize("name", list(list_reports()))
def test_a_report_over_an_empty_lake_has_columns_and_no_rows(name: str, tmp_path: Path) -> None:
    assert run_report(tmp_path, name) == []


def test_an_unknown_report_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(QueryError, match="'nonsense'; there are auctions, contracts"):
        report("nonsense")


def test_daily_prices(tmp_path: Path) -> None:
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("23:59", "105", **volumes("1", "1", price=105), complete=False),
            minute("00:00", "100", **volumes("2", "1", price=100, buys=3)) | {"high": D(110)},
            minute("00:00", "90", day=21, **volumes("1", "0", price=90, sells=0)) | {"low": D(80)},
        ],
    )
    first, second = run_report(tmp_path, "daily_prices")
    assert first == {
        "day": date(2026, 11, 20),
        "venue": "gemini",
        "symbol": "BTC-USD",
        "open": D(100),
        "high": D(110),
        "low": D(100),
        "close": D(105),
        "base_volume": D(5),
        "vwap": 102.0,
        "trades": 6,
        "minutes": 2,
        "complete": 0,
    }
    assert (second["day"], second["open"], second["low"]) == (date(2026, 11, 21), D(90), D(80))
    only = run_report(tmp_path, "daily_prices", first=at("00:00", day=21))
    assert chosen(only, "day") == [(date(2026, 11, 21),)]


def test_pressure_by_hour(tmp_path: Path) -> None:
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("09:00", "1", **volumes("3", "1", price=1, buys=5, sells=2)),
            minute("09:59", "1", **volumes("0", "4", price=1, buys=0, sells=1)),
            minute("10:00", "1", **volumes("1", "0", price=1, sells=0)),
        ],
    )
    assert chosen(
        run_report(tmp_path, "pressure_by_hour"),
        "hour",
        "buys",
        "sells",
        "base_bought",
        "base_sold",
        "buy_share",
    ) == [
        (at("09:00"), 5, 3, D(3), D(5), 0.375),
        (at("10:00"), 1, 0, D(1), D(0), 1.0),
    ]


def book(clock: str, bid: Any, ask: Any, bids: Any = 1, asks: Any = 1, **more: Any) -> Any:
    return {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "received_time": at(clock),
        "top_bid": bid and D(bid),
        "top_ask": ask and D(ask),
        "top_bid_quantity": bids and D(bids),
        "top_ask_quantity": asks and D(asks),
        **more,
    }


def test_spread_by_hour_counts_each_message_once_and_no_invalid_book(tmp_path: Path) -> None:
    put(
        tmp_path,
        "book_changes",
        [
            book("09:00", "99", "101", 3, 1),  # 2 on a mid of 100: 200 bps; (3 - 1) / 4 = 0.5
            book("09:00", "99", "101", 3, 1, event_index=1),  # the same message's next level
            book("09:10", "199", "201", 1, 4, event_index=-1),  # 2 on 200: 100 bps; -3 / 5 = -0.6
            book("09:20", None, None, None, None),
            book("09:30", "101", "99"),
        ],
    )
    assert run_report(tmp_path, "spread_by_hour") == [
        {
            "hour": at("09:00"),
            "venue": "gemini",
            "symbol": "BTC-USD",
            "messages": 2,
            "mean_spread_bps": 150.0,
            "widest_spread_bps": 200.0,
            "mean_imbalance": -0.05,
        }
    ]


def test_feed_completeness(tmp_path: Path) -> None:
    def entry(what: str, clock: str, venue: str = "gemini", **holes: int) -> dict[str, Any]:
        return {"venue": venue, "entry": what, "received_time": at(clock), **holes}

    put(
        tmp_path,
        "feed_ledger",
        [
            entry("connect", "09:00"),
            entry("gap", "09:10", first_seq=5, last_seq=7),
            entry("gap", "09:11", first_seq=9, last_seq=9),
            entry("healed", "09:20"),
            entry("disconnect", "09:30"),
            entry("stale", "10:00", venue="kraken"),
            entry("connect", "10:10") | {"conn": "gemini-1-quotes"},
            entry("disconnect", "10:20") | {"conn": "gemini-1-quotes"},
        ],
    )
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("09:00", "1"),
            minute("09:10", "1", complete=False),
            minute("09:12", "1"),
            minute("09:13", "1", complete=True),
            minute("09:14", "1", venue="binance", complete=True),
        ],
    )
    names = (
        "venue",
        "connects",
        "disconnects",
        "gaps",
        "missing",
        "healed",
        "stale",
        "dropped",
        "trade_minutes",
        "complete_share",
        "newest_entry",
    )
    assert chosen(run_report(tmp_path, "feed_completeness"), *names) == [
        ("binance", 0, 0, 0, 0, 0, 0, 0, 1, 1.0, None),
        ("gemini", 1, 1, 2, 4, 1, 0, 0, 4, 0.5, at("09:30")),
        ("gemini quotes", 1, 1, 0, 0, 0, 0, 0, 0, None, at("10:20")),
        ("kraken", 0, 0, 0, 0, 0, 1, 0, 0, None, at("10:00")),
    ]


def points(*of: tuple[str, str, float], trained: str = "09:00", name: str = "f1") -> list[Any]:
    return [
        {
            "forecast_id": name,
            "symbol": "BTC-USD",
            "ds": at(clock),
            "side": side,
            "yhat": yhat,
            "yhat_lower": yhat - 5,
            "yhat_upper": yhat + 5,
            "trained_until": at(trained),
        }
        for clock, side, yhat in of
    ]


def test_forecast_error_by_horizon_beside_the_last_price(tmp_path: Path) -> None:
    put(
        tmp_path,
        "forecasts",
        points(
            ("09:30", "buy", 102.0),
            ("10:00", "buy", 104.0),
            ("11:00", "sell", 120.0),
            ("12:00", "sell", 1.0),  # not traded since
            ("09:00", "sell", 1.0),  # the model saw this minute
        ),
    )
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("09:00", "101"),
            minute("09:30", "100"),
            minute("10:00", "110"),
            minute("11:00", "99"),
            minute("11:00", "101", venue="kraken"),
        ],
    )
    # up to an hour: |102-100| and |104-110|; naive |101-100| and |101-110|; 104 +- 5 lacks 110.
    assert run_report(tmp_path, "forecast_error") == [
        {
            "symbol": "BTC-USD",
            "horizon": "1: up to an hour",
            "minutes": 2,
            "forecasts": 1,
            "mean_error": 4.0,
            "mean_error_percent": 3.7273,
            "naive_error": 5.0,
            "inside_bounds": 0.5,
        },
        {
            "symbol": "BTC-USD",
            "horizon": "2: up to 6 hours",
            "minutes": 1,
            "forecasts": 1,
            "mean_error": 20.0,
            "mean_error_percent": 20.0,
            "naive_error": 1.0,
            "inside_bounds": 0.0,
        },
    ]


def test_the_last_price_may_come_from_history(tmp_path: Path) -> None:
    put(tmp_path, "forecasts", points(("09:30", "buy", 102.0)))
    put(tmp_path, "trade_minutes", [minute("09:30", "100")])
    put(tmp_path, "history_minutes", [{"symbol": "BTC-USD", "minute": at("09:00"), "close": D(93)}])
    assert chosen(run_report(tmp_path, "forecast_error"), "naive_error") == [(7.0,)]


def test_side_hit_rate_leaves_out_minutes_without_a_change_or_one_before(tmp_path: Path) -> None:
    put(
        tmp_path,
        "forecasts",
        points(
            ("09:01", "buy", 1.0),
            ("09:02", "buy", 1.0),
            ("09:03", "buy", 1.0),
            ("09:04", "sell", 1.0),
            ("09:05", "sell", 1.0),
            ("09:06", "hold", 1.0),
            ("09:10", "buy", 1.0),
        ),
    )
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("09:01", "100"),
            minute("09:02", "101"),
            minute("09:03", "100"),
            minute("09:04", "102"),
            minute("09:05", "102"),
            minute("09:06", "103"),
            minute("09:10", "90"),
        ],
    )
    # Moves into 09:02 up (buy: right), 09:03 down (buy: wrong), 09:04 up (sell: wrong), 09:05 none,
    # 09:06 up (hold); 09:01 and 09:10 have no minute before.
    assert chosen(
        run_report(tmp_path, "side_hit_rate"),
        "forecast_id",
        "minutes",
        "hits",
        "hit_rate",
        "always_buy",
        "holds",
    ) == [("f1", 3, 1, 0.3333, 0.6667, 1)]


def score(clock: str, profit: str, total: str, hold: str | None, *, day: int = 20) -> Any:
    return {
        "symbol": "BTC-USD",
        "venue_time": at(clock, day=day),
        "profit": D(profit),
        "cumulative_profit": D(total),
        "hold_profit": hold and D(hold),
    }


def test_profit_by_day_beside_holding(tmp_path: Path) -> None:
    put(
        tmp_path,
        "scores",
        [
            score("09:00", "10", "10", "4"),
            score("15:00", "-3", "7", "9"),
            score("00:30", "5", "12", None, day=21),
        ],
    )
    assert chosen(
        run_report(tmp_path, "profit_by_day"),
        "day",
        "sales",
        "winning",
        "profit",
        "cumulative_profit",
        "hold_profit",
        "ahead_of_holding",
    ) == [
        (date(2026, 11, 20), 2, 1, D(7), D(7), D(9), D(-2)),
        (date(2026, 11, 21), 1, 1, D(5), D(12), None, None),
    ]


def test_slowest_feeds(tmp_path: Path) -> None:
    def message(venue_s: float, kafka_s: float, **more: Any) -> dict[str, Any]:
        return {
            "venue": "gemini",
            "venue_time": at("09:00:10"),
            "received_time": at(f"09:00:{10 + venue_s}"),
            "kafka_time": at(f"09:00:{10 + venue_s + kafka_s}"),
            **more,
        }

    put(
        tmp_path,
        "trades",
        [
            message(0.1, 0.01),
            message(0.2, 0.01),
            message(0.6, 0.04),
            message(9.0, 9.0, event_index=1),
        ],
    )
    put(tmp_path, "quotes", [message(1.0, 0.5, venue="kraken", venue_time=None)])
    # Of three, the second is the first that half are no slower than, the third that 99 % are.
    assert run_report(tmp_path, "slowest_feeds") == [
        {
            "venue": "gemini",
            "what": "trades",
            "messages": 3,
            "venue_p50_ms": 200,
            "venue_p99_ms": 600,
            "kafka_p50_ms": 10,
            "kafka_p99_ms": 40,
        },
        {
            "venue": "kraken",
            "what": "quotes",
            "messages": 1,
            "venue_p50_ms": None,
            "venue_p99_ms": None,
            "kafka_p50_ms": 500,
            "kafka_p99_ms": 500,
        },
    ]


def test_quarantine_by_reason(tmp_path: Path) -> None:
    def quarantined(reason: str, clock: str, value: bytes, detail: str) -> dict[str, Any]:
        return {
            "topic": "market.book",
            "reason": reason,
            "kafka_time": at(clock),
            "value": value,
            "detail": detail,
            "schema_version": 1,
        }

    put(
        tmp_path,
        "quarantine",
        [
            quarantined("not_json", "09:00", b"{", "old"),
            quarantined("empty", "09:01", b"", "none"),
            quarantined("not_json", "09:05", b"{{{", "new"),
        ],
    )
    assert chosen(
        run_report(tmp_path, "quarantine_by_reason"),
        "reason",
        "records",
        "bytes",
        "first_at",
        "last_at",
        "newest_detail",
    ) == [
        ("not_json", 2, 4, at("09:00"), at("09:05"), "new"),
        ("empty", 1, 0, at("09:01"), at("09:01"), "none"),
    ]


def test_volume_by_supplier(tmp_path: Path) -> None:
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("09:00", "1", **volumes("2", "1", price=1)),
            minute("09:00", "1", venue="kraken", **volumes("1", "0", price=1, sells=0)),
        ],
    )
    put(
        tmp_path,
        "tickers",
        [
            {
                "venue": "gemini",
                "symbol": "BTC-USD",
                "received_time": at("09:00"),
                "base_volume": D(70),
            },
            {
                "venue": "gemini",
                "symbol": "BTC-USD",
                "received_time": at("09:05"),
                "base_volume": D(72),
            },
        ],
    )
    put(tmp_path, "quotes", [{"venue": "coinbase", "symbol": "BTC-USD"}] * 3)
    names = ("venue", "trades", "base_volume", "share", "reported_volume_24h", "quotes")
    assert chosen(run_report(tmp_path, "volume_by_supplier"), *names) == [
        ("gemini", 2, D(3), 0.75, D(72), 0),
        ("kraken", 1, D(1), 0.25, None, 0),
        ("coinbase", 0, D(0), None, None, 3),
    ]


def test_imbalance_return_pairs_a_minutes_last_imbalance_with_the_next_minutes_change(
    tmp_path: Path,
) -> None:
    put(
        tmp_path,
        "book_changes",
        [
            book("09:00:01", "99", "101", 1, 9),  # not the minute's last
            book("09:00:50", "99", "101", 3, 1),  # 0.5, mid 100 -> 110: +0.1
            book("09:01:30", "109", "111", 1, 3),  # -0.5, mid 110 -> 99: -0.1
            book("09:02:30", "98", "100", 1, 1),  # 0, mid 99 -> 99: 0, which has no sign
            book("09:03:30", "98", "100", 4, 1),  # 0.6, the next minute has no book
            book("09:05:30", "98", "100", 1, 1),
        ],
    )
    assert run_report(tmp_path, "imbalance_return") == [
        {
            "venue": "gemini",
            "symbol": "BTC-USD",
            "minutes": 3,
            "correlation": 1.0,
            "same_sign": 1.0,
        },
    ]


def test_supplier_deviation(tmp_path: Path) -> None:
    def quote(venue: str, clock: str, price: str) -> dict[str, Any]:
        return {
            "venue": venue,
            "symbol": "BTC-USD",
            "currency": "USD",
            "price": D(price),
            "received_time": at(clock),
        }

    put(
        tmp_path,
        "quotes",
        [
            quote("coinbase", "09:00:01", "50"),
            quote("coinbase", "09:00:40", "99"),
            quote("kraken", "09:00:10", "100"),
            quote("bitstamp", "09:00:20", "103"),
            quote("kraken", "09:01:10", "100"),
        ],
    )
    assert chosen(
        run_report(tmp_path, "supplier_deviation"),
        "hour",
        "venue",
        "minutes",
        "mean_bps",
        "farthest_bps",
    ) == [
        (at("09:00"), "bitstamp", 1, 300.0, 300.0),
        (at("09:00"), "coinbase", 1, -100.0, 100.0),
        (at("09:00"), "kraken", 2, 0.0, 0.0),
    ]


def test_decision_reasons(tmp_path: Path) -> None:
    def decided(action: str, reasons: str, clock: str) -> dict[str, Any]:
        return {
            "rule": "forecast_and_ratio",
            "action": action,
            "reasons": reasons,
            "window_start": at(clock),
        }

    put(
        tmp_path,
        "decisions",
        [
            decided("hold", "gap_open, book_stale", "09:00"),
            decided("hold", "gap_open", "09:01"),
            decided("buy", "forecast_buy", "09:02"),
        ],
    )
    assert chosen(
        run_report(tmp_path, "decision_reasons"), "action", "reason", "decisions", "last_at"
    ) == [
        ("buy", "forecast_buy", 1, at("09:02")),
        ("hold", "gap_open", 2, at("09:01")),
        ("hold", "book_stale", 1, at("09:00")),
    ]


def test_a_report_as_of_a_version_or_a_moment_is_as_it_was(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    put(tmp_path, "scores", [score("09:00", "10", "10", "4")])
    put(tmp_path, "scores", [score("10:00", "1", "11", "4")])
    assert chosen(run_report(tmp_path, "profit_by_day"), "sales") == [(2,)]
    assert chosen(run_report(tmp_path, "profit_by_day", as_of=0), "sales") == [(1,)]
    assert chosen(run_report(tmp_path, "profit_by_day", as_of=datetime.now(UTC)), "sales") == [(2,)]
    assert run_report(tmp_path, "profit_by_day", as_of=before) == []
    with pytest.raises(QueryError, match="scores cannot be read as of 9"):
        run_report(tmp_path, "profit_by_day", as_of=9)


def test_a_version_whose_files_were_cleaned_up_is_refused_with_the_setting(tmp_path: Path) -> None:
    put(tmp_path, "scores", [score("09:00", "10", "10", "4")])
    for file in (tmp_path / "scores").glob("*.parquet"):
        file.unlink()
    with pytest.raises(QueryError, match=r"1 of 1 files .* TICKHOUSE_STREAM_KEEP_HOURS"):
        run_report(tmp_path, "profit_by_day")


def test_liquidations_by_day_are_the_forced_orders_share_of_all(tmp_path: Path) -> None:
    forced = {"liquidation_count": 2, "liquidated_base_buy": D(1), "liquidated_base_sell": D("0.5")}
    put(
        tmp_path,
        "trade_minutes",
        [
            minute("09:00", "1", **volumes("3", "1", price=1), **forced),
            minute("23:59", "1", **volumes("1", "1", price=1)),
            minute("09:00", "1", day=21, **volumes("1", "1", price=1)),
        ],
    )
    (row,) = run_report(tmp_path, "liquidations_by_day")
    assert row["day"] == date(2026, 11, 20)
    assert [row[name] for name in ("trades", "bought", "sold", "share")] == [2, 1, D("0.5"), 25.0]


def test_contracts_by_hour_have_the_mean_premium_and_the_last_interest(tmp_path: Path) -> None:
    names = ("mark_price", "index_price", "funding_8h", "open_interest")
    values = [
        ("09:00", ("101", "100", "0.0001", "7")),
        ("09:59", ("99", "100", "0.0003", "8")),
        ("10:00", ("100", "100", "0", "9")),
    ]
    put(
        tmp_path,
        "tickers",
        [
            {"venue": "deribit", "symbol": "BTC-PERPETUAL", "venue_time": at(clock)}
            | dict(zip(names, map(D, texts), strict=True))
            for clock, texts in values
        ]
        + [{"venue": "gemini", "symbol": "BTC-USD", "venue_time": at("09:00"), "last": D(5)}],
    )
    first, second = run_report(tmp_path, "contracts_by_hour")
    assert first["hour"] == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert (first["premium_bps"], first["funding_8h"]) == (0.0, 0.02)
    assert (first["mark_price"], first["open_interest"], second["open_interest"]) == (99, 8, 9)


def test_auctions_are_listed_once_with_their_distance_from_the_book(tmp_path: Path) -> None:
    held = {
        "venue": "gemini",
        "symbol": "BTC-USD",
        "phase": "result",
        "result": "success",
        "price": D(101),
        "quantity": D(5),
        "highest_bid": D(99),
        "lowest_ask": D(101),
        "published_at": at("10:00"),
    }
    failed = held | {"result": "failure", "price": None, "published_at": at("10:10")}
    indicative = held | {"phase": "indicative", "published_at": at("09:59")}
    put(tmp_path, "auctions", [held, indicative, held, failed])
    rows = run_report(tmp_path, "auctions")
    assert chosen(rows, "result", "from_mid_bps") == [("success", 100.0), ("failure", None)]

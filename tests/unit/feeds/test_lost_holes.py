"""Holes that nobody can fill: given up by hand, or because the venue began again."""

from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner

from cli.main import cli
from include.errors import QueryError
from include.market.events import Frame, LedgerEntry, Message
from include.settings import load
from streaming.feeds import heal_gaps
from streaming.feeds.feed_publisher import FeedPublisher
from streaming.feeds.heal_gaps import DeltaLake, accept_loss
from streaming.feeds.healer import Hole
from streaming.feeds.venues.gemini.v2 import GeminiV2Decoder
from streaming.trader.vetoes import Gaps
from tests.support.lake_of_rows import at, put
from tests.support.venue_frames import AT_US, decode, v2_update

OLD, NEW = Hole("binance", "BTC-USDT", 5, 9), Hole("binance", "BTC-USDT", 3, 4)


class FakeProducer:
    """Keeps what is published."""

    published: ClassVar[list[Message]] = []

    def __init__(self, *_: object, **__: object) -> None:
        self.published.clear()

    def publish(self, message: Message) -> None:
        self.published.append(message)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def entry(
    kind: str, when: datetime, first: int | None, last: int | None, *, cause: str = "missing"
) -> dict[str, object]:
    scope = {"venue": "binance", "symbol": "BTC-USDT", "received_time": when}
    return scope | {"entry": kind, "cause": cause, "first_seq": first, "last_seq": last}


def trade(number: int, when: datetime) -> dict[str, object]:
    scope = {"venue": "binance", "symbol": "BTC-USDT", "received_time": when, "traded_at": when}
    return scope | {"trade_id": str(number), "seq_first": number, "seq_last": number}


def test_a_hole_from_before_the_venue_began_again_is_outdated(tmp_path: Path) -> None:
    lake = DeltaLake(str(tmp_path))
    assert lake.outdated_holes() == []
    put(tmp_path, "feed_ledger", [entry("gap", at("12:00"), 5, 9)])
    assert lake.outdated_holes() == [] and lake.open_holes() == [OLD]
    rows = [
        entry("renumbered", at("12:10"), 0, 5000, cause="unconfirmed"),
        entry("renumbered", at("12:20"), None, None, cause="begins_again"),  # of a book
    ]
    put(tmp_path, "feed_ledger", rows)
    assert lake.outdated_holes() == []
    rows = [
        entry("renumbered", at("12:30"), 0, 5000, cause="begins_again"),
        entry("gap", at("12:40"), 3, 4),
    ]
    put(tmp_path, "feed_ledger", rows)
    assert lake.outdated_holes() == [OLD] and lake.open_holes() == [NEW, OLD]


def test_what_polls_prices_has_no_hole_to_heal_and_closes_none(tmp_path: Path) -> None:
    lake, quotes = DeltaLake(str(tmp_path)), {"conn": "binance-1-quotes"}
    put(tmp_path, "feed_ledger", [entry("gap", at("12:00"), 5, 9) | quotes])
    assert lake.open_holes() == []
    rows = [entry("lost", at("12:10"), 5, 9), entry("renumbered", at("12:10"), 0, 5)]
    rows[1]["cause"] = "begins_again"
    put(tmp_path, "feed_ledger", [entry("gap", at("12:00"), 5, 9), *(r | quotes for r in rows)])
    assert lake.open_holes() == [OLD] and lake.outdated_holes() == []


def test_trades_from_before_the_venue_began_again_do_not_fill_a_hole(tmp_path: Path) -> None:
    put(tmp_path, "trades", [trade(3, at("12:00")), trade(4, at("12:00")), trade(4, at("12:50"))])
    assert DeltaLake(str(tmp_path)).landed_numbers(NEW) == {3, 4}
    rows = [entry("renumbered", at("12:30"), 0, 5000, cause="begins_again")]
    put(tmp_path, "feed_ledger", rows)
    assert DeltaLake(str(tmp_path)).landed_numbers(NEW) == {4}


def test_a_hole_is_given_up_by_hand_and_open_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heal_gaps, "Producer", FakeProducer)
    settings = load({"TICKHOUSE_STREAM_LAKE": str(tmp_path)})
    put(tmp_path, "feed_ledger", [entry("gap", at("12:00"), 5, 9)])
    with pytest.raises(QueryError, match="binance BTC-USDT 3 to 4 is no open hole"):
        accept_loss(settings, NEW)
    accept_loss(settings, OLD)
    (message,) = FakeProducer.published
    assert message.events == (LedgerEntry("lost", "accepted by hand", 5, 9),)
    put(tmp_path, "feed_ledger", [entry("lost", at("12:10"), 5, 9, cause="accepted by hand")])
    assert DeltaLake(str(tmp_path)).open_holes() == []


def test_the_verbs_list_and_give_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heal_gaps, "Producer", FakeProducer)
    put(tmp_path, "feed_ledger", [entry("gap", at("12:00"), 5, 9)])
    env = {"TICKHOUSE_STREAM_LAKE": str(tmp_path), "TICKHOUSE_VAR": str(tmp_path / "var")}
    listed = CliRunner().invoke(cli, ["holes", "list", "--format", "csv"], env=env)
    assert listed.output.splitlines()[-1] == "binance,BTC-USDT,5,9"
    accepted = CliRunner().invoke(
        cli, ["holes", "accept", "binance", "BTC-USDT", "5", "9"], env=env
    )
    assert accepted.exit_code == 0 and len(FakeProducer.published) == 1
    wrong = CliRunner().invoke(cli, ["holes", "accept", "binance", "BTC-USDT", "5", "8"], env=env)
    assert wrong.exit_code == 1


@pytest.mark.parametrize("kind", ["healed", "lost"])
def test_the_trader_trades_again_once_a_hole_is_closed(kind: str) -> None:
    gaps = Gaps(venue="binance", symbol="BTC-USDT")

    def take(entry: LedgerEntry) -> None:
        gaps.take(Message("binance", "BTC-USDT", "ledger", "c", None, None, AT_US, (entry,)))

    take(LedgerEntry("gap", "missing", 5, 9))
    assert gaps.veto() is not None
    take(LedgerEntry(kind, "why", 5, 9))
    assert gaps.veto() is None


def test_the_trader_trades_again_once_a_book_has_its_snapshot() -> None:
    gaps = Gaps(venue="deribit", symbol="BTC-PERPETUAL")

    def take(entry: LedgerEntry) -> None:
        gaps.take(Message("deribit", "BTC-PERPETUAL", "ledger", "c", None, None, AT_US, (entry,)))

    take(LedgerEntry("gap", "broken_chain"))
    take(LedgerEntry("recovered", "frame"))
    assert gaps.veto() is not None
    take(LedgerEntry("recovered", "snapshot"))
    assert gaps.veto() is None


def test_a_supplier_that_answers_mends_no_book_of_the_same_venue() -> None:
    gaps = Gaps(venue="gemini", symbol="BTC-USD")

    def take(entry: LedgerEntry, conn: str) -> None:
        gaps.take(Message("gemini", "BTC-USD", "ledger", conn, None, None, AT_US, (entry,)))

    take(LedgerEntry("gap", "broken_chain"), "gemini-100-1")
    take(LedgerEntry("connect", "answers"), "gemini-150-quotes")
    assert gaps.veto() is not None
    take(LedgerEntry("connect", "renewed"), "gemini-100-2")
    assert gaps.veto() is None


def test_a_snapshot_larger_than_kafka_takes_is_rejected_with_its_size() -> None:
    levels = [("buy", f"{price}.00", "1.00000000") for price in range(1, 130_001)]
    data = v2_update(*levels)
    published: list[Message] = []
    publisher = FeedPublisher(
        venue="gemini", symbols=("BTC-USD",), publish=published.append, now_us=lambda: AT_US
    )
    for message in decode(GeminiV2Decoder(symbols=("BTC-USD",), conn="c"), data).messages:
        publisher.publish_message(message, Frame(data, AT_US))
    (reject,) = published
    assert len(data) < 5_000_000 and reject.kind == "reject"
    assert "too_large" in str(reject.events[0])

"""The count itself sees what it is there for: by hand, without servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.drill import counting
from bench.drill.counting import (
    find_lost_messages,
    find_repeated_decisions,
    find_unrecorded_holes,
    find_wrong_rows,
    find_wrong_trades,
)
from bench.drill.reading import (
    CountedMessage,
    RecordId,
    count_message,
)
from include.market.wire import TopicPartition
from tests.support.landed_rows import land, trade

PART = TopicPartition("market.trades", 0)


def trades(number: int, venue: str = "binance") -> tuple[RecordId, CountedMessage]:
    message = {"v": 1, "venue": venue, "symbol": "B", "seq": [number, number]}
    return at("market.trades", number, message | {"events": [{"trade_id": str(number)}]})


def at(topic: str, offset: int, message: dict[str, Any]) -> tuple[RecordId, CountedMessage]:
    return (topic, 0, offset), count_message(topic, json.dumps(message).encode())


def gap(first: int, last: int) -> tuple[RecordId, CountedMessage]:
    event = {"entry": "gap", "first_seq": first, "last_seq": last}
    return at("market.ledger", 0, {"v": 1, "venue": "binance", "symbol": "B", "events": [event]})


def test_a_message_that_is_gone_or_another_is_lost() -> None:
    before = dict([trades(1), trades(2), trades(3)])
    other = dict([trades(1), (("market.trades", 0, 2), trades(9)[1])])
    assert find_lost_messages(before, before) == []
    assert find_lost_messages(before, other) == [
        ("market.trades/0: 2 of the messages read are gone or others, first 2", 2)
    ]


def test_ids_that_no_message_has_must_be_in_the_ledger() -> None:
    assert find_unrecorded_holes(dict([trades(1), trades(2)])) == []
    assert find_unrecorded_holes(dict([trades(1), trades(5)])) == [
        ("('binance', 'B'): 3 ids, 2 to 4", 3)
    ]
    assert find_unrecorded_holes(dict([trades(1), trades(5), gap(2, 4)])) == []
    assert find_unrecorded_holes(dict([trades(1), trades(5), gap(2, 3)])) != []


def test_a_decision_made_twice_is_named() -> None:
    decision = {"v": 1, "events": [{"decision_id": "d1"}]}
    twice = dict([at("trading.decisions", 0, decision), at("trading.decisions", 7, decision)])
    assert find_repeated_decisions(twice) == [("decision d1 2 times", 1)]


def test_bytes_that_are_no_message_belong_in_quarantine() -> None:
    assert count_message("market.trades", b"junk").events is None
    assert count_message("market.trades", b'{"v":9,"events":[]}').events is None
    assert count_message("market.trades", b'{"v":1,"events":[]}').event_indexes == [-1]
    ahead = b'{"v":1,"events":[{}],"received_time":4102444800000000}'
    assert count_message("market.trades", ahead).events is None


def test_a_message_without_its_row_and_a_row_without_its_message_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "find_kafka_ends", lambda _: {PART: 4})
    messages = dict([trades(1), trades(2), trades(3)])
    land(tmp_path, "trades", [trade(n, str(n), "buy", "1", "1") for n in (1, 2)])
    lake = str(tmp_path)
    assert find_wrong_rows(lake, messages, bootstrap="", start={PART: 1}) == [
        ("trades: 1 wrong, ('market.trades', 0, 3): events [], not [0]", 1)
    ]
    assert find_wrong_rows(lake, dict([trades(2)]), bootstrap="", start={PART: 2}) == []
    land(tmp_path, "trades", [trade(n, str(n), "buy", "1", "1") for n in (3, 3, 7)])
    ((sentence, number),) = find_wrong_rows(lake, messages, bootstrap="")
    assert number == 2 and "events [0, 0], not [0]" in sentence and "no such message" in sentence


def test_a_trade_that_is_another_than_its_message_is_counted(tmp_path: Path) -> None:
    land(tmp_path, "trades", [trade(n, str(n % 2), "buy", "1", "1") for n in (1, 2)])
    assert find_wrong_trades(str(tmp_path), dict([trades(1), trades(2)])) == [
        ("market.trades/0 offset 2: trade 0", 1)
    ]

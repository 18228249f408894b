"""The count itself sees what it is there for: by hand, without servers."""

import json
from typing import Any

from tests.power.own_count import (
    Place,
    Seen,
    lost_messages,
    repeated_decisions,
    seen_message,
    unrecorded_holes,
)


def trades(number: int, venue: str = "binance") -> tuple[Place, Seen]:
    message = {"v": 1, "venue": venue, "symbol": "B", "seq": [number, number]}
    return at("market.trades", number, message | {"events": [{"trade_id": str(number)}]})


def at(topic: str, offset: int, message: dict[str, Any]) -> tuple[Place, Seen]:
    return (topic, 0, offset), seen_message(topic, json.dumps(message).encode())


def gap(first: int, last: int) -> tuple[Place, Seen]:
    event = {"entry": "gap", "first_seq": first, "last_seq": last}
    return at("market.ledger", 0, {"v": 1, "venue": "binance", "symbol": "B", "events": [event]})


def test_a_message_that_is_gone_or_another_is_lost() -> None:
    before = dict([trades(1), trades(2), trades(3)])
    other = dict([trades(1), (("market.trades", 0, 2), trades(9)[1])])
    assert lost_messages(before, before) == []
    assert lost_messages(before, other) == [
        "market.trades/0: 2 of the messages seen are gone or others, first 2"
    ]


def test_ids_that_no_message_has_must_be_in_the_ledger() -> None:
    assert unrecorded_holes(dict([trades(1), trades(2)])) == []
    assert unrecorded_holes(dict([trades(1), trades(5)])) == ["('binance', 'B'): 3 ids, 2 to 4"]
    assert unrecorded_holes(dict([trades(1), trades(5), gap(2, 4)])) == []
    assert unrecorded_holes(dict([trades(1), trades(5), gap(2, 3)])) != []


def test_a_decision_made_twice_is_named() -> None:
    decision = {"v": 1, "events": [{"decision_id": "d1"}]}
    twice = dict([at("trading.decisions", 0, decision), at("trading.decisions", 7, decision)])
    assert repeated_decisions(twice) == ["decision d1 2 times"]


def test_bytes_that_are_no_message_belong_in_quarantine() -> None:
    assert seen_message("market.trades", b"junk").events is None
    assert seen_message("market.trades", b'{"v":9,"events":[]}').events is None
    assert seen_message("market.trades", b'{"v":1,"events":[]}').event_indexes == [-1]

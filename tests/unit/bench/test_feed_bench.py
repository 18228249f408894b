"""The benchmark of the feeds takes every frame as a feed does, recorded or generated."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bench import feed_connection, feed_frames, feeds, feeds_peer
from include.market import wire
from include.market.events import Message
from streaming.feeds.tape import TapeWriter


def taken(frames: list[feed_frames.Frame], make: object) -> list[Message]:
    """What a feed's connection makes of the frames."""
    messages = list[Message]()
    connection = feed_connection.connect_by_hand(make, messages.append)  # type: ignore[arg-type]
    for frame in frames:
        connection.take(frame)
    return messages


def test_without_recordings_the_frames_are_generated_and_each_is_taken(tmp_path: Path) -> None:
    frames = feed_frames.find_frames(tmp_path)
    assert frames.source == "generated"
    trades = taken(frames.trades, feed_connection.decode_binance)
    assert Counter(message.kind for message in trades) == {"trade": len(frames.trades)}
    assert {message.symbol for message in trades} == set(feed_frames.SYMBOLS)
    assert len({wire.encode(message) for message in trades}) == len(trades)
    book = taken(frames.book, feed_connection.decode_gemini)
    kinds = Counter(message.kind for message in book)
    assert kinds["book"] == len(frames.book) > 1000 and kinds["trade"] > 50
    assert not kinds["reject"] and not kinds["ledger"]


def test_recordings_are_taken_where_both_are(tmp_path: Path) -> None:
    for tape, number in ((feed_frames.BINANCE_TAPE, 3), (feed_frames.GEMINI_TAPE, 2)):
        assert feed_frames.find_frames(tmp_path).source == "generated"
        writer = TapeWriter(tmp_path / tape)
        for frame in list(feed_frames.generate_binance(number)):
            writer.write(frame)
        writer.close()
    frames = feed_frames.find_frames(tmp_path)
    assert (frames.source, len(frames.trades), len(frames.book)) == ("recorded", 3, 2)


def test_a_rate_is_of_frames_that_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "DECODED", 500)
    frames, encoded = list(feed_frames.generate_binance(200)), list[dict[str, object]]()
    rate = feeds.measure_rate(
        frames,
        feed_connection.decode_binance,
        lambda message: encoded.append(json.loads(wire.encode(message))),
    )
    assert rate > 1000
    assert len(encoded) == 600  # three times through: the last reaches 500
    assert encoded[0]["kind"] == "trade" and encoded[0]["seq"] == encoded[200]["seq"]


def test_a_missing_peer_is_one_sentence_with_the_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(feeds_peer, "is_installed", lambda: False)
    monkeypatch.setattr(feeds, "measure_decoding", lambda *_: ())
    monkeypatch.setattr(feeds, "measure_publishing", lambda *_: ())
    told = list[str]()
    assert feeds.measure(tmp_path, print_line=told.append) == []
    assert told[0].endswith("Gemini frames, generated")
    assert told[1].startswith("cryptofeed is not installed and has no figures: `")
    assert "sync --group bench" in told[1] and len(told) == 2

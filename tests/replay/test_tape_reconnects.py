"""A tape that holds reconnects: each recorded connection is one, in replay and at the simulator.

Made of the two recordings of Gemini v1, one behind the other or one cut in its middle.
"""

import asyncio
import json
from decimal import Decimal as D
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from cli.main import cli
from include.market.events import Frame, LedgerEntry, Message
from include.settings import Settings, load
from include.trading.decision_log import log_line
from streaming.feeds.registry import stream_specs
from streaming.feeds.supervisor import Feed
from streaming.feeds.transport import connect
from streaming.feeds.venues.gemini.v1 import name_start
from streaming.simulator import tape_book
from streaming.simulator.__main__ import make_application
from streaming.trader.config import TraderConfig
from streaming.trader.forecasts import PublishedForecasts
from streaming.trader.rehearsal.lake import LakeSpan
from streaming.trader.rehearsal.rehearse import Step, rehearse
from streaming.trader.rehearsal.tapes import moments_of_tapes
from tests.support.joined_tapes import EARLIER, LATER, frames, join
from tests.support.recorded_world import SETTINGS, at, publish_forecast, write_lake
from tests.support.tape_facts import MINUTE, UNTIL, Facts

CUT = 6000


def world(tmp_path: Path) -> Settings:
    env = {f"TICKHOUSE_{name}": value for name, value in SETTINGS.items()}
    settings = load(env | {"TICKHOUSE_VAR": str(tmp_path / "var")})
    publish_forecast(settings.forecasts, world=settings.world)
    return settings


def replayed(settings: Settings, tape: Path, ledger: list[Message]) -> list[Step]:
    known = PublishedForecasts(settings.forecasts, symbol="BTC-USD")
    moments = moments_of_tapes([tape], settings, ledger=ledger.append)
    config = TraderConfig.from_settings(settings)
    return list(rehearse(moments, config, in_force=known.in_force))


def entries(ledger: list[Message]) -> list[tuple[str, str, str]]:
    return [
        (message.conn, entry.entry, entry.cause)
        for message in ledger
        for entry in message.events
        if isinstance(entry, LedgerEntry)
    ]


def test_a_replay_sees_the_second_recording_as_if_it_stood_alone(
    shared_data: Path, tmp_path: Path
) -> None:
    settings = world(tmp_path)
    joined = join(
        tmp_path / "gemini_v1" / "btcusd_joined",
        frames(shared_data / EARLIER),
        frames(shared_data / LATER),
    )
    ledger: list[Message] = []
    steps = replayed(settings, joined, ledger)
    alone = replayed(settings, shared_data / LATER, [])
    first = alone[0].at
    later = [step for step in steps if step.at >= first]
    assert len(later) == len(alone) == 17
    assert [step.top for step in later] == [step.top for step in alone]
    assert [step.decision.ratio for step in later] == [step.decision.ratio for step in alone]
    assert [step.decision.action for step in later] == [step.decision.action for step in alone]
    facts = Facts(shared_data / LATER)
    for step, (end, ratio) in zip(later, facts.signals(), strict=False):
        assert step.at == end
        assert abs((step.decision.ratio or 0) - ratio) < D("1e-8")
    assert [one for one in entries(ledger) if one[1] != "gap"] == [
        ("tape-0-0", "connect", "recorded"),
        ("tape-0-0", "disconnect", "recorded"),
        ("tape-0-1", "connect", "recorded"),
        ("tape-0-1", "disconnect", "recorded"),
    ]
    assert ("tape-0-1", "gap", "between_connections") in entries(ledger)


def test_a_recording_that_was_cut_in_its_middle_goes_on_with_the_next(
    shared_data: Path, tmp_path: Path
) -> None:
    settings = world(tmp_path)
    tail = [Frame(b'{"type":"heartbeat","socket_sequence":0}', 0)]
    whole = frames(shared_data / LATER)
    joined = join(
        tmp_path / "gemini_v1" / "btcusd_cut",
        frames(shared_data / EARLIER, until=3000),
        whole,
        [Frame(frame.data, whole[-1].received_time) for frame in tail],
    )
    ledger: list[Message] = []
    steps = replayed(settings, joined, ledger)
    alone = replayed(settings, shared_data / LATER, [])
    assert [step.decision.ratio for step in steps[-17:]] == [s.decision.ratio for s in alone]
    assert [conn for conn, entry, _ in entries(ledger) if entry == "connect"] == [
        "tape-0-0",
        "tape-0-1",
        "tape-0-2",
    ]


def test_a_reconnect_that_lost_nothing_changes_no_decision(
    shared_data: Path, tmp_path: Path
) -> None:
    """Cut in the middle of a minute, the connection goes on with a book and numbers of its own."""
    settings = world(tmp_path)
    write_lake(settings.lake, shared_data)
    whole = frames(shared_data / LATER)
    texts = [frame.data for frame in whole]
    again = tape_book.take_up(texts[:CUT], texts[CUT:])
    times = [frame.received_time for frame in [whole[CUT], *whole[CUT:]]]
    later = [Frame(text, time) for text, time in zip(again, times, strict=True)]
    joined = join(tmp_path / "gemini_v1" / "btcusd_twice", whole[:CUT], later)
    ledger: list[Message] = []
    lines = [log_line(step.decision) for step in replayed(settings, joined, ledger)]
    alone = [log_line(step.decision) for step in replayed(settings, shared_data / LATER, [])]
    assert lines == alone
    kinds = [kind for _, kind, _ in entries(ledger)]
    assert kinds == ["connect", "disconnect", "connect", "disconnect"]
    span = LakeSpan(settings, start_at=at(UNTIL), end_at=at(UNTIL + 60 * MINUTE))
    config = TraderConfig.from_settings(settings)
    steps = rehearse(span.moments(), config, in_force=span.in_force)
    assert [log_line(step.decision) for step in steps] == lines


def test_the_verb_writes_the_ledger_of_the_recorded_connections(
    shared_data: Path, tmp_path: Path
) -> None:
    settings = world(tmp_path)
    joined = join(
        tmp_path / "gemini_v1" / "btcusd_joined",
        frames(shared_data / EARLIER),
        frames(shared_data / LATER, until=CUT),
    )
    env = {f"TICKHOUSE_{name}": value for name, value in SETTINGS.items()}
    env["TICKHOUSE_VAR"] = str(settings.var)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["replay", "--tape", str(joined), "--out", str(out), "--json"], env=env
    )
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert [row["entry"] for row in rows] == [
        "connect",
        "disconnect",
        "connect",
        "gap",
        "disconnect",
    ]
    assert rows[2]["at"].startswith("2018-04-24T05:14:49")
    sums = json.loads(done.stdout)
    assert list(sums["profit_at_fee_bps"]) == ["0", "1", "5", "10", "25", "40"]
    # 40 basis points are the setting: the account's own profit
    assert D(sums["profit_at_fee_bps"]["40"]) == D(sums["equity"]) - 10_000
    assert D(sums["turnover"]) * D("0.004") == pytest.approx(D(sums["fees"]), abs=D("0.0001"))


async def fed(tape: Path, *, until: int, speed: int = 100_000) -> tuple[list[Message], list[Frame]]:
    """What the unchanged feed makes of the tape played to it, and the frames that it was sent."""
    settings = load(
        {"TICKHOUSE_SIMULATOR_TAPE": str(tape), "TICKHOUSE_SIMULATOR_SPEED": str(speed)}
    )
    messages, received, stop = list[Message](), list[Frame](), asyncio.Event()
    conns = iter(f"c{number}" for number in range(1, 99))
    async with TestServer(make_application(settings)) as server:
        base = str(server.make_url("")).rstrip("/").replace("http", "ws")
        (spec,) = stream_specs(
            "gemini", venues=load({"TICKHOUSE_VENUES_GEMINI_WS_URL": base}).venues
        )
        clock = asyncio.get_running_loop().time

        def record(_conn: str, frame: Frame) -> None:
            received.append(frame)
            if len(received) == until:
                stop.set()

        import random

        feed = Feed(
            spec=spec,
            connect=connect,
            publish=messages.append,
            now_us=lambda: 1_700_000_000_000_000 + int(clock() * 1e6),
            conn_id=lambda: next(conns),
            rng=random.Random(1),
            stale_s=9,
            record=record,
        )
        await asyncio.wait_for(feed.run(stop), 60)
    return messages, received


async def test_up_plays_each_recorded_connection_once_and_the_ledger_has_the_reconnect(
    shared_data: Path, tmp_path: Path
) -> None:
    parts = frames(shared_data / EARLIER, until=2000), frames(shared_data / LATER, until=CUT)
    joined = join(tmp_path / "btcusd_joined", *parts)
    messages, received = await fed(joined, until=2000 + CUT)
    assert [frame.data for frame in received] == [frame.data for part in parts for frame in part]
    told = [one for one in entries(messages) if one[1] in {"connect", "disconnect", "gap"}]
    assert [one[:2] for one in told] == [
        ("c1", "connect"),
        ("c1", "disconnect"),
        ("c2", "connect"),
        ("c2", "gap"),
        ("c2", "disconnect"),
    ]
    assert told[3][2] == "between_connections"
    books = [message for message in messages if message.kind == "book" and message.conn == "c2"]
    assert all(message.top for message in books)
    facts = Facts(join(tmp_path / "btcusd_second", parts[1]))
    last = books[-1].top
    assert last is not None
    assert (last.bid, last.bid_quantity, last.ask, last.ask_quantity) == facts.tops[-1]


async def test_a_hole_in_a_recording_is_told_and_what_follows_is_played_once(
    shared_data: Path, tmp_path: Path
) -> None:
    whole = frames(shared_data / LATER, until=CUT)
    holed = join(tmp_path / "btcusd_holed", whole[:3000], whole[3100:])
    messages, _ = await fed(holed, until=CUT - 200, speed=1000)
    gaps = [one for one in entries(messages) if one[1] == "gap"]
    assert gaps[0] == ("c1", "gap", "missing")
    assert ("c1", "disconnect", "resync") in entries(messages)
    books = [message for message in messages if message.kind == "book"]
    assert {message.conn for message in books} == {"c1", "c2"}  # once, not again and again
    event_ids = [message.events[0].venue_event_id for message in books if message.venue_time]  # type: ignore[union-attr]
    assert event_ids == sorted(set(event_ids))  # nothing twice, nothing again from the beginning


def test_the_simulator_and_the_feeds_know_the_same_beginnings(shared_data: Path) -> None:
    for tape in (EARLIER, LATER):
        for frame in frames(shared_data / tape):
            assert tape_book.name_start(frame.data) == name_start(frame.data)


def test_a_connection_taken_up_in_its_middle_has_the_book_of_the_recorded_one(
    shared_data: Path,
) -> None:
    whole = frames(shared_data / LATER, until=CUT)
    texts = [frame.data for frame in whole]
    from streaming.feeds.venues.gemini.v1 import GeminiV1Decoder

    recorded = GeminiV1Decoder(symbol="BTC-USD", conn="a")
    taken_up = GeminiV1Decoder(symbol="BTC-USD", conn="b")
    tops = [recorded.decode(frame).messages[-1].top for frame in whole][3000:]
    later = [
        taken_up.decode(Frame(text, 0)) for text in tape_book.take_up(texts[:3000], texts[3000:])
    ]
    assert not any(decoded.resync for decoded in later)
    assert [decoded.messages[-1].top for decoded in later[1:]] == tops

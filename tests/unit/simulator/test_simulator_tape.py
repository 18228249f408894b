"""A tape through the simulator and the unchanged feed: byte for byte, and recorded the same."""

import asyncio
import gzip
import random
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from include.errors import SettingsError
from include.market.events import Frame, Message
from include.settings import load
from streaming.feeds.registry import stream_specs
from streaming.feeds.supervisor import Feed
from streaming.feeds.tape import Tapes, TapeWriter, read_tape, tape_start
from streaming.feeds.transport import connect
from streaming.simulator.__main__ import make_application

FRAMES = [
    b'{"type":"update","eventId":1,"socket_sequence":0,"events":[]}',
    '{"type":"heartbeat","socket_sequence":1,"odd":"é ünïcode"}'.encode(),
    b"junk that is no JSON",
    b'{"type":"heartbeat" , "socket_sequence":2}',
]


def written(path: Path, spacing_us: int) -> Path:
    tape = TapeWriter(path)
    for number, data in enumerate(FRAMES):
        tape.write(Frame(data, 1_524_546_889_000_000 + number * spacing_us))
    tape.close()
    return path


async def test_a_tape_is_played_byte_for_byte_in_its_own_time_and_recorded_again(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "btcusd_hand", spacing_us=1_000_000)
    settings = load({"TICKHOUSE_SIMULATOR_TAPE": str(path), "TICKHOUSE_SIMULATOR_SPEED": "10"})
    tapes, messages, stop = Tapes(tmp_path / "again"), list[Message](), asyncio.Event()
    async with TestServer(make_application(settings)) as server:
        base = str(server.make_url("")).rstrip("/").replace("http", "ws")
        (spec,) = stream_specs(
            "gemini", venues=load({"TICKHOUSE_VENUES_GEMINI_WS_URL": base}).venues
        )
        clock = asyncio.get_running_loop().time

        def publish(message: Message) -> None:
            messages.append(message)
            if message.seq == (2, 2):
                stop.set()

        feed = Feed(
            spec=spec,
            connect=connect,
            publish=publish,
            now_us=lambda: 1_700_000_000_000_000 + int(clock() * 1e6),
            conn_id=lambda: "c1",
            rng=random.Random(1),
            stale_s=9,
            record=lambda conn, frame: tapes.write(spec.tape, conn, frame),
        )
        await asyncio.wait_for(feed.run(stop), 60)
    tapes.close()
    (recording,) = (tmp_path / "again" / "gemini_v1").glob("*.jsonl.gz")
    recorded = list(read_tape(recording.with_name(recording.name.removesuffix(".jsonl.gz"))))
    assert [frame.data for frame in recorded] == FRAMES
    spread_s = (recorded[-1].received_time - recorded[0].received_time) / 1e6
    assert 0.29 < spread_s < 1.5  # three seconds, ten times faster
    kinds = [message.kind for message in messages if message.kind != "ledger"]
    assert kinds == ["book", "heartbeat", "reject", "heartbeat"]


def test_a_tape_that_was_cut_off_ends_at_its_last_whole_line(tmp_path: Path) -> None:
    path = written(tmp_path / "btcusd_cut", spacing_us=1)
    texts = path.with_name("btcusd_cut.jsonl.gz")
    texts.write_bytes(texts.read_bytes()[:-12])
    frames = [frame.data for frame in read_tape(path)]
    assert frames == FRAMES[: len(frames)] and len(frames) < len(FRAMES) + 1


@pytest.mark.parametrize("ending", [".jsonl.gz", ".recv.txt.gz"])
def test_a_damaged_tape_ends_before_the_damage_and_the_log_says_where(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str
) -> None:
    path = written(tmp_path / "btcusd_hand", spacing_us=1)
    file = path.with_name(path.name + ending)
    whole = file.read_bytes()
    few = gzip.compress(b"".join(gzip.decompress(whole).splitlines(keepends=True)[:3]))
    for damaged, count in ((whole + b"junk", 4), (few, 3), (few + b"\0" * 9 + b"junk", 3)):
        caplog.clear()
        file.write_bytes(damaged)
        assert [frame.data for frame in read_tape(path)] == FRAMES[:count]
        assert f"tape is cut off tape={path} frames={count} reason=" in caplog.text


def pack(content: bytes) -> bytes:
    """Gzip's bytes without a time, which would give each worker other names of the tests."""
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize(
    ("ending", "data", "sentence"),
    [
        (".jsonl.gz", b'{"a":1}\n', r"tape .*btcusd_hand: Not a gzipped file"),
        (".recv.txt.gz", b"1524546889368\n", r"tape .*btcusd_hand: Not a gzipped file"),
        (
            ".recv.txt.gz",
            pack(b"1.2.3\n"),
            r"recv\.txt\.gz:1: the time .* '1\.2\.3' is not",
        ),
        (".recv.txt.gz", pack(b"\xff\n"), r"recv\.txt\.gz:1: the time of receipt"),
        (".recv.txt.gz", pack(b"9" * 40 + b"\n"), r"recv\.txt\.gz:1: the time of receipt"),
        (".recv.txt.gz", pack(b"-1\n"), r"recv\.txt\.gz:1: the time of receipt '-1'"),
        (".jsonl.gz", pack(b""), "btcusd_hand holds no frame"),
    ],
)
def test_what_is_no_tape_is_one_sentence(
    tmp_path: Path, ending: str, data: bytes, sentence: str
) -> None:
    path = written(tmp_path / "btcusd_hand", spacing_us=1)
    path.with_name(path.name + ending).write_bytes(data)
    with pytest.raises(SettingsError, match=sentence):
        tape_start(path)


def test_a_frame_that_holds_a_newline_is_counted_and_not_recorded(tmp_path: Path) -> None:
    tape = TapeWriter(tmp_path / "x_y")
    tape.write(Frame(b"a\nb", 1))
    tape.write(Frame(b"c", 2))
    tape.close()
    assert (tape.written, tape.unrecordable) == (1, 1)
    assert [frame.data for frame in read_tape(tmp_path / "x_y")] == [b"c"]


async def test_after_a_whole_play_later_connections_stay_silent(tmp_path: Path) -> None:
    path = written(tmp_path / "btcusd_hand", spacing_us=1_000)
    settings = load({"TICKHOUSE_SIMULATOR_TAPE": str(path), "TICKHOUSE_SIMULATOR_SPEED": "10"})
    async with TestClient(TestServer(make_application(settings))) as client:
        async with client.ws_connect("/v1/marketdata/btcusd") as first:
            played = [(await first.receive(5)).data for _ in FRAMES]
        async with client.ws_connect("/v1/marketdata/btcusd") as second:
            with pytest.raises(asyncio.TimeoutError):
                await second.receive(0.3)
    assert [text.encode() for text in played] == FRAMES

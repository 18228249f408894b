"""A venue's key and secret are nowhere but in the headers of calls and where they were given."""

import traceback
from pathlib import Path
from typing import Any

import pytest

from include.bus import Consumer, offset_ranges
from include.errors import SettingsError, TickhouseError
from include.market import wire
from include.setting_fields import Secret
from include.settings import load
from include.settings.env import read_env
from streaming.trader.brokers.gemini_rest import GeminiRest
from tests.support.faulty_road import (
    KEY,
    NEW,
    SECRET,
    STATUS,
    WINDOWS,
    FaultyRoad,
    road,
    world,
)
from tests.support.trader_world import World

__all__ = ["road", "world"]


def assert_silent(text: str, where: str) -> None:
    assert KEY not in text, where
    assert SECRET not in text, where


def test_keys_are_in_no_log_table_topic_argument_or_file(world: World, road: FaultyRoad) -> None:
    road.faults = [(NEW, "made, junk 200"), (STATUS, "not made 502"), (STATUS, "not made")]
    world.produce(WINDOWS)
    with world.trader() as process:
        world.until_decided(3)
        children = arguments(process.pid)
    assert "trader_child" in children
    assert len(world.log.read_text()) > 500
    assert "order of unknown outcome" in world.log.read_text()
    assert_silent(children, "arguments")
    assert_silent(world.log.read_text(), "log")
    tables = [
        name
        for (name,) in world.rows(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
    ]
    assert {"orders", "trader_state", "outbox", "decisions"} <= set(tables)
    for name in tables:
        assert_silent(str(world.rows(f'SELECT t::text FROM "{name}" t')), name)
    records = "".join(every_record(world))
    assert world.venue in records
    assert_silent(records, "topics")
    for path in Path(world.settings.var).rglob("*"):
        if path.is_file():
            assert_silent(path.read_bytes().decode("utf-8", "replace"), path.name)


def arguments(pid: int) -> str:
    """The command lines of a process and its children."""
    found = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return found


def every_record(world: World) -> list[str]:
    ends = {
        at: end for at, (_, end) in offset_ranges(world.settings.bootstrap, wire.TOPICS).items()
    }
    consumer, found = Consumer(world.settings.bootstrap, topics=wire.TOPICS), []
    while any(consumer.offsets[at] < end for at, end in ends.items()):
        found += [record.value.decode() for record in consumer.poll(0.5)]
    consumer.close()
    return found


@pytest.mark.parametrize(
    "fault", ["made, junk 200", "not made", "not made 500", "not made 429", "not made 400"]
)
def test_no_fault_of_a_call_tells_the_keys(road: FaultyRoad, fault: str) -> None:
    road.faults = [(STATUS, fault)]
    rest = GeminiRest(
        f"http://127.0.0.1:{road.server_port}",
        key=Secret(KEY),
        secret=Secret(SECRET),
        next_nonce=iter(range(1, 100)).__next__,
    )
    with pytest.raises(TickhouseError) as caught:
        rest.call(STATUS, client_order_id="none")
    printed = "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)
    assert_silent(printed + repr(caught.value.__cause__) + repr(caught.value.__context__), fault)


def test_settings_do_not_print_them_and_their_file_is_private(tmp_path: Path) -> None:
    env = {"TICKHOUSE_VENUES_GEMINI_KEY": KEY, "TICKHOUSE_VENUES_GEMINI_SECRET": SECRET}
    settings = load(env)
    printable: list[Any] = [settings, settings.venues, f"{settings.venues.gemini.secret}"]
    assert_silent(repr(printable) + str(printable), "settings")
    assert settings.venues.gemini.secret.reveal() == SECRET
    path = tmp_path / ".env"
    path.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    path.chmod(0o600)
    assert read_env(path, prefix="TICKHOUSE_") == env
    path.chmod(0o640)
    with pytest.raises(SettingsError, match="others may read it: chmod 600") as caught:
        read_env(path, prefix="TICKHOUSE_")
    assert_silent(str(caught.value), "refusal")

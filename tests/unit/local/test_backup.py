"""A backup is whole or refused; a restore changes nothing unless all of it is right."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from include.errors import PlatformError
from include.lake.epoch import Epoch, write_epoch
from include.lake.reading import count_rows, open_table
from include.local.backup import DESCRIPTION, check_floors
from include.local.restoring import read_backup, restore_files
from include.settings import Settings
from include.state_files import read_checked_file, write_checked_file
from tests.support.audited_lake import BATCHES, clean_lake, land_batch
from tests.support.backed_up_world import NOW, TRADE, make, make_world, settings_of
from tests.support.lake_of_rows import put
from tests.support.retained_lake import retain


@pytest.fixture
def world(tmp_path: Path) -> Settings:
    return make_world(tmp_path)


def test_what_is_restored_is_what_was_backed_up(world: Settings, tmp_path: Path) -> None:
    made = make(world, tmp_path / "b")
    put(world.lake, "trades", [TRADE])  # after the moment
    assert made == read_backup(tmp_path / "b")
    assert (made.world, made.made_at, made.tables) == ("sim", NOW, {"trades": 1})
    assert made.topic_ids == {"market.trades": "id1"}
    new = settings_of(tmp_path / "new")
    assert restore_files(new, tmp_path / "b") == made
    assert count_rows(new.lake)["trades"] == 3
    table = open_table(new.lake, "trades", version=0)
    assert table is not None and table.count() == 2  # time travel goes on
    names = {str(path.relative_to(new.home)) for path in new.home.rglob("*") if path.is_file()}
    assert {name for name in names if not name.startswith("lake/")} == {
        "forecasts/CURRENT",
        "forecasts/f1/forecast.csv",
        "feeds/gemini.json",
        "trader.halt",
        "seals/trades/1.json",
        "checkpoints/land/epoch.json",
    }


def test_a_feed_goes_on_behind_what_the_lake_has(tmp_path: Path) -> None:
    """Its own file is ahead: Kafka had trades that had not landed at the moment."""
    world = settings_of(tmp_path / "old")
    rows = [
        TRADE | {"venue": "binance", "conn": conn, "trade_id": str(n), "offset": n, "seq_first": n}
        for n, conn in ((7, "c"), (8, "c"), (9, "heal-1"))
    ]
    put(world.lake, "trades", rows)
    (world.home / "checkpoints/land").mkdir(parents=True)
    write_epoch(world.home / "checkpoints/land/epoch.json", Epoch({}, {}))
    feeds = world.home / "feeds"
    feeds.mkdir()
    write_checked_file(feeds / "binance.json", {"BTC-USD": 30, "ETH-USD": 5})
    make(world, tmp_path / "b")
    new = settings_of(tmp_path / "new")
    restore_files(new, tmp_path / "b")
    assert read_checked_file(new.home / "feeds/binance.json", dict[str, int]) == {"BTC-USD": 8}


def test_commits_after_the_moment_are_not_in_it(
    world: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another commit and its log checkpoint come while the files are copied."""
    from include.local import backup

    find = backup.find_moment

    def find_then_write(settings: Settings) -> Any:
        moment = find(settings)
        put(settings.lake, "trades", [TRADE])
        table = open_table(settings.lake, "trades")
        assert table is not None
        table.create_checkpoint()
        return moment

    monkeypatch.setattr(backup, "find_moment", find_then_write)
    made = make(world, tmp_path / "b")
    assert made.tables == {"trades": 1}
    restore_files(settings_of(tmp_path / "new"), tmp_path / "b")
    assert count_rows(settings_of(tmp_path / "new").lake)["trades"] == 3


def test_a_folder_with_something_in_it_is_refused(world: Settings, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("")
    with pytest.raises(PlatformError, match="is not empty"):
        make(world, tmp_path / "b")


def test_a_world_without_a_lake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="world sim has no lake yet"):
        make(settings_of(tmp_path / "none"), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def damage_one(folder: Path, name: str) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit(folder: Path, **changes: Any) -> None:
    """Change the description of a backup, as an earlier version wrote it: without a checksum."""
    path = folder / DESCRIPTION
    document = json.loads(path.read_text()) | changes
    document.pop("crc32", None)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("number", range(6))
def test_any_damaged_part_is_named_and_nothing_is_restored(
    world: Settings, tmp_path: Path, number: int
) -> None:
    made = make(world, tmp_path / "b")
    names = sorted(made.files)
    name = names[number * len(names) // 6]
    damage_one(tmp_path / "b", name)
    new = settings_of(tmp_path / "new")
    with pytest.raises(PlatformError) as refused:
        restore_files(new, tmp_path / "b")
    assert f"damaged: {name}" in str(refused.value)
    (tmp_path / "b" / name).unlink()
    with pytest.raises(PlatformError) as refused:
        restore_files(new, tmp_path / "b")
    assert f"lacks a part: {name!r}" in str(refused.value)
    assert not new.var.exists()


def test_any_changed_byte_of_the_description_is_named(world: Settings, tmp_path: Path) -> None:
    """A number, a name, a letter that is none: what it says is right or refused."""
    made = make(world, tmp_path / "b")
    path = tmp_path / "b" / DESCRIPTION
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in (0, 4, 7):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            path.write_bytes(changed)
            try:
                assert read_backup(tmp_path / "b") == made, (place, bit)  # another space
            except PlatformError as error:
                assert "\n" not in str(error)
    path.write_bytes(b"[" * 100_000)
    with pytest.raises(PlatformError, match="cannot be read"):
        read_backup(tmp_path / "b")


def test_a_backup_of_an_earlier_version_needs_no_checksum(world: Settings, tmp_path: Path) -> None:
    make(world, tmp_path / "b")
    edit(tmp_path / "b")
    assert read_backup(tmp_path / "b").crc32 is None


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"format": 2}, "has the format 2, and this program knows 1"),
        ({"format": None}, "has the format None"),
        ({"tables": 5}, "cannot be read"),
    ],
)
def test_another_format_is_refused(
    world: Settings, tmp_path: Path, changes: dict[str, Any], fault: str
) -> None:
    make(world, tmp_path / "b")
    edit(tmp_path / "b", **changes)
    with pytest.raises(PlatformError, match=fault):
        read_backup(tmp_path / "b")


def test_what_is_no_backup_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"is no backup: it has no backup\.json"):
        read_backup(tmp_path)
    (tmp_path / DESCRIPTION).write_bytes(b"\0\0{")
    with pytest.raises(PlatformError, match="cannot be read"):
        read_backup(tmp_path)


def test_an_existing_world_is_left_alone(world: Settings, tmp_path: Path) -> None:
    make(world, tmp_path / "b")
    with pytest.raises(PlatformError, match="exists: a backup is restored into a new world"):
        restore_files(world, tmp_path / "b")
    assert count_rows(world.lake)["trades"] == 3


def test_a_part_outside_of_the_backup_is_refused(world: Settings, tmp_path: Path) -> None:
    made = make(world, tmp_path / "b")
    (tmp_path / "x").write_text("")
    for name in ("home/../../x", str(tmp_path / "x"), "x", ""):
        parts = {name: {"size": 0, "crc32": 0}}
        edit(tmp_path / "b", files=parts)
        with pytest.raises(PlatformError, match=r"is damaged: .* is no part of one"):
            read_backup(tmp_path / "b")
    edit(tmp_path / "b", files={"store/\0": {"size": 0, "crc32": 0}})
    with pytest.raises(PlatformError, match="lacks a part"):
        read_backup(tmp_path / "b")
    assert made.files


def test_a_backup_in_which_rows_were_dropped_meanwhile_is_refused(tmp_path: Path) -> None:
    audited = clean_lake(tmp_path / "store")
    assert audited.audit().ok
    retain(audited)
    before = tmp_path / "before"
    shutil.copytree(audited.home / "seals", before)
    check_floors(audited.home)
    assert audited.audit().ok
    check_floors(audited.home)
    land_batch(audited, BATCHES)
    assert audited.audit().ok
    retain(audited)
    assert audited.audit().ok
    check_floors(audited.home)
    shutil.rmtree(audited.home / "seals")
    shutil.copytree(before, audited.home / "seals")
    with pytest.raises(PlatformError, match=r"retention dropped rows of .* meanwhile: try again"):
        check_floors(audited.home)

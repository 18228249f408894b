"""State files: what is damaged is named, and never taken for something else."""

from pathlib import Path

import msgspec
import pytest

from include.bus import Spool, SpooledRecord
from include.errors import ForecastError, PlatformError, StateError
from include.forecast import forecast_file, training
from include.lake.audit.seals import Seals, read_seals, write_seals
from include.lake.checkpoint import find_damage
from include.lake.epoch import Epoch, read_epoch, write_epoch
from include.local.lock import exclusive_lock
from include.local.status import last_audit
from include.serving.stream_progress import (
    StreamProgress,
    progress_file,
    read_progress,
    write_progress,
)
from include.settings import load
from include.state_files import read_checked_file, read_json_file, write_checked_file
from streaming.feeds.last_trade_ids import LastTradeIds

DAMAGED = [b"", bytes(40), b"{", b"null", b"[]", b'{"ok": 5}', b"\xff\xfe"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.json"
    path.write_bytes(content)
    with pytest.raises(StateError, match=f"the file {path} is damaged"):
        read_json_file(path, dict[str, bool])


def test_a_file_that_is_not_there_is_no_damage(tmp_path: Path) -> None:
    assert read_json_file(tmp_path / "audit.json", dict[str, bool]) is None
    assert read_checked_file(tmp_path / "ids.json", dict[str, int]) is None


def test_a_checked_file_comes_back_and_another_digit_in_it_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "ids.json"
    write_checked_file(path, {"BTC-USDT": 1234})
    assert read_checked_file(path, dict[str, int]) == {"BTC-USDT": 1234}
    path.write_bytes(path.read_bytes().replace(b"1234", b"1235"))
    with pytest.raises(StateError, match="checksum"):
        read_checked_file(path, dict[str, int])


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_audit_report_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    settings.home.mkdir(parents=True)
    (settings.home / "audit.json").write_bytes(content)
    with pytest.raises(StateError, match=r"audit\.json is damaged"):
        last_audit(settings)


@pytest.mark.parametrize("content", DAMAGED)
def test_damaged_progress_is_logged_and_counts_as_none(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    settings.home.mkdir(parents=True)
    progress_file(settings).write_bytes(b"null" if content == b'{"ok": 5}' else content)
    assert read_progress(settings).queries == ()
    assert "stream.json is damaged" in caplog.text


def test_a_damaged_model_record_leaves_the_others_usable(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    fields = dict.fromkeys(("trained_from", "trained_until", "as_of", "made_at"), "2026-01-01")
    sound = {
        **dict.fromkeys(("model", "symbol", "fitted_by"), "a"),
        **{name: f"{day}T00:00:00Z" for name, day in fields.items()},
        **dict.fromkeys(("rows", "fit_s", "walk"), 1),
        "versions": {},
        "metrics": {},
    }
    for name, content in (("a", msgspec.json.encode(sound)), ("b", b""), ("c", bytes(9))):
        (settings.home / "models" / name).mkdir(parents=True)
        (settings.home / "models" / name / "record.json").write_bytes(content)
    assert [record.model for record in training.list_models(settings)] == ["a"]
    assert "models/b/record.json is damaged" in caplog.text
    with pytest.raises(StateError, match=r"models/c/record\.json is damaged"):
        training.record_of(settings, "c")


@pytest.mark.parametrize("content", [b"", bytes(20), b"\xff\xfe"])
def test_a_damaged_pointer_to_the_forecast_is_a_forecast_error(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "CURRENT").write_bytes(content)
    with pytest.raises(ForecastError):
        forecast_file.load_current(tmp_path)


def make_folder(path: Path) -> None:
    path.mkdir(parents=True)
    (path / "kept").write_text("what someone put there")


def moved_folders(folder: Path) -> list[str]:
    return [path.parent.name for path in sorted(folder.glob(".partial-damaged-*/kept"))]


def test_a_folder_in_the_place_of_last_ids_is_reported_and_moved_aside(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "binance.json"
    for _ in range(2):
        path.unlink(missing_ok=True)
        make_folder(path)
        ids = LastTradeIds(path)
        assert ids.by_symbol == {} and f"the file {path} is damaged: " in caplog.text
        ids.by_symbol["BTC-USDT"] = 7
        ids.save()
        assert LastTradeIds(path).by_symbol == {"BTC-USDT": 7}
    names = [".partial-damaged-2-binance.json", ".partial-damaged-binance.json"]
    assert moved_folders(tmp_path) == names


def test_a_file_in_the_place_of_the_spool_and_folders_in_it_end_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.spool").write_text("no folder")
    for number in range(3):
        spool = Spool(tmp_path / "a.spool", max_bytes=2**20)
        assert spool.count == number
        spool.append(SpooledRecord("market.trades", b"k", b"v"))
        spool.close()
        (tmp_path / "a.spool" / "mark").unlink()
        make_folder(tmp_path / "a.spool" / "mark")
    assert (tmp_path / ".partial-damaged-a.spool").read_text() == "no folder"


def test_a_folder_in_the_place_of_a_lock_is_moved_aside(tmp_path: Path) -> None:
    make_folder(tmp_path / "stream.lock")
    with exclusive_lock(tmp_path / "stream.lock", name="the stream"):
        assert (tmp_path / "stream.lock").is_file()


def test_a_folder_in_the_place_of_what_the_stream_left_is_named_and_replaced(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = load({"TICKHOUSE_VAR": str(tmp_path)})
    make_folder(progress_file(settings))
    assert read_progress(settings) == StreamProgress()
    assert f"{progress_file(settings)} is damaged" in caplog.text
    write_progress(settings, StreamProgress(5.0))
    assert read_progress(settings).written_at == 5.0
    make_folder(tmp_path / "epoch.json")
    assert read_epoch(tmp_path / "epoch.json") is None
    write_epoch(tmp_path / "epoch.json", Epoch({}, {"market.trades": "id"}))
    assert read_epoch(tmp_path / "epoch.json") == Epoch({}, {"market.trades": "id"})
    make_folder(settings.home / "audit.json")
    with pytest.raises(StateError, match=r"audit\.json is damaged: .*Is a directory"):
        last_audit(settings)


@pytest.mark.parametrize("name", ["offsets/0", "offsets/1", "commits/1", "metadata"])
def test_a_folder_in_the_place_of_a_checkpoints_file_is_damage(tmp_path: Path, name: str) -> None:
    for folder in ("offsets", "commits"):
        (tmp_path / folder).mkdir()
    for batch in ("0", "1"):
        (tmp_path / "offsets" / batch).write_text('v1\n{}\n{"market.trades":{"0":1}}')
        (tmp_path / "commits" / batch).write_text("v1\n{}")
    (tmp_path / "metadata").write_text('{"id":"a"}')
    assert find_damage(tmp_path) is None
    (tmp_path / name).unlink()
    make_folder(tmp_path / name)
    assert find_damage(tmp_path) is not None


CHECKPOINT_FILES = [
    ("offsets/0", b'v1\n{}\n{"market.trades":{"0":1}}', "63726300000002002643f77a"),
    ("offsets/1", b'v1\n{}\n{"market.trades":{"0":11}}', "637263000000020035c04d7d"),
    ("commits/1", b'v1\n{"n":1}', "6372630000000200f970b1f0"),
    ("metadata", b'{"id":"1"}', "6372630000000200f618c8f3"),
]


@pytest.mark.parametrize("name", ["offsets/0", "offsets/1", "commits/1", "metadata"])
def test_a_flipped_bit_in_a_checkpoints_file_is_seen_by_its_checksum(
    tmp_path: Path, name: str
) -> None:
    """The checksums are those that Hadoop wrote of these files."""
    for file, content, crc in CHECKPOINT_FILES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(content)
        (tmp_path / file).with_name(f".{Path(file).name}.crc").write_bytes(bytes.fromhex(crc))
    assert find_damage(tmp_path) is None
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content.replace(b"1", b"3"))
    damage = find_damage(tmp_path) or ""
    assert name in damage and damage.endswith("does not have its checksum")
    crc_file = (tmp_path / name).with_name(f".{Path(name).name}.crc")
    for damaged in (b"", bytes(12), b"junk of a length"):  # Hadoop ignores such a one
        crc_file.write_bytes(damaged)
        assert find_damage(tmp_path) is None


@pytest.mark.parametrize("name", ["seals.json", "newest_seal.json"])
def test_a_folder_in_the_place_of_the_seals_is_named(tmp_path: Path, name: str) -> None:
    seals = Seals(1, "1", [], tables={}, columns={}, files={})
    write_seals(tmp_path, seals)
    (tmp_path / name).unlink()
    make_folder(tmp_path / name)
    with pytest.raises(PlatformError, match=f"{name} .*Is a directory.*--reseal"):
        read_seals(tmp_path)
    write_seals(tmp_path, seals)
    assert read_seals(tmp_path) == seals


def test_a_folder_in_the_place_of_the_pointer_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path / "CURRENT")
    with pytest.raises(ForecastError, match=f"the pointer {tmp_path}/CURRENT cannot be read"):
        forecast_file.load_current(tmp_path)
    with pytest.raises(ForecastError):
        forecast_file.current_manifest(tmp_path)


@pytest.mark.parametrize("key", ["crc32", "starts", "topic_ids"])
def test_one_flipped_bit_in_an_epoch_makes_no_other_epoch(tmp_path: Path, key: str) -> None:
    path, epoch = tmp_path / "epoch.json", Epoch({("t", 0): 300}, {"t": "id"})  # type: ignore[dict-item]
    write_epoch(path, epoch)
    content = path.read_bytes()
    place = content.index(key.encode())
    for bit in range(8 * len(key)):
        flipped = bytearray(content)
        flipped[place + bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert read_epoch(path) in (None, epoch)

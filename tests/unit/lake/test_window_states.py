"""What a query remembers between batches is read again from the newest state before a batch."""

from pathlib import Path

import msgspec
import pytest

from include.errors import PlatformError
from include.lake.window_states import find_state_damage, read_state, write_state


class State(msgspec.Struct):
    sums: list[int] = []


def plan(checkpoint: Path, *, newest: int) -> None:
    """The log of a query that has planned batches up to this one."""
    (checkpoint / "offsets").mkdir(parents=True)
    for batch in range(newest + 1):
        (checkpoint / "offsets" / str(batch)).write_text("v1")


def test_a_batch_goes_on_from_the_state_with_which_it_began(tmp_path: Path) -> None:
    checkpoint = tmp_path / "signals" / "stream"
    write_state(checkpoint, 4, State([1]))
    write_state(checkpoint, 6, State([1, 2]))
    assert read_state(checkpoint, 6, State) == State([1, 2])
    assert read_state(checkpoint, 5, State) == State([1])  # batch 5 wrote none before a crash
    assert read_state(checkpoint, 99, State) == State([1, 2])
    write_state(checkpoint, 6, State([3]))  # run again
    assert read_state(checkpoint, 6, State) == State([3])


def test_the_states_of_the_last_three_batches_stay(tmp_path: Path) -> None:
    for batch in (8, 9, 10, 11):
        write_state(tmp_path, batch, State([batch]))
    assert {path.name for path in (tmp_path / "window_states").iterdir()} == {"9", "10", "11"}


@pytest.mark.parametrize("content", [b'{"sums":[2', b"", bytes(9), None])
def test_a_damaged_state_leaves_the_one_before_it(tmp_path: Path, content: bytes | None) -> None:
    checkpoint = tmp_path / "averages" / "stream"
    plan(checkpoint, newest=2)
    write_state(checkpoint, 1, State([1]))
    write_state(checkpoint, 2, State([2]))
    damaged = checkpoint / "window_states" / "2"
    damaged.unlink()
    damaged.mkdir() if content is None else damaged.write_bytes(content)
    assert read_state(checkpoint, 2, State) == State([1])
    assert find_state_damage(checkpoint) is None


def test_a_batch_before_which_no_state_is_left_is_named(tmp_path: Path) -> None:
    checkpoint = tmp_path / "signals" / "stream"
    assert find_state_damage(checkpoint) is None  # it has not begun
    plan(checkpoint, newest=7)
    lost = "no state of its windows from before batch 7 can be read"
    assert find_state_damage(checkpoint) == lost
    write_state(checkpoint, 8, State())
    assert find_state_damage(checkpoint) == lost  # of a batch that is still to come
    with pytest.raises(PlatformError, match=f"the checkpoint of `signals` is damaged: {lost}"):
        read_state(checkpoint, 7, State)
    write_state(checkpoint, 7, State())
    assert find_state_damage(checkpoint) is None


def test_one_flipped_bit_never_makes_another_state(tmp_path: Path) -> None:
    checkpoint = tmp_path / "signals" / "stream"
    plan(checkpoint, newest=2)
    write_state(checkpoint, 1, State([1]))
    write_state(checkpoint, 2, State([20, 300]))
    newest = checkpoint / "window_states" / "2"
    content = newest.read_bytes()
    for bit in range(len(content) * 8):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        newest.write_bytes(flipped)
        assert read_state(checkpoint, 2, State) in (State([1]), State([20, 300])), bytes(flipped)
        assert find_state_damage(checkpoint) is None
    (checkpoint / "window_states" / "1").unlink()
    newest.write_bytes(content.replace(b"300", b"301"))
    assert find_state_damage(checkpoint) is not None


def test_a_state_without_checksum_of_an_earlier_version_is_read_until_it_is_replaced(
    tmp_path: Path,
) -> None:
    checkpoint = tmp_path / "signals" / "stream"
    (checkpoint / "windows").mkdir(parents=True)
    (checkpoint / "windows" / "4").write_text('{"sums":[4]}')
    assert read_state(checkpoint, 4, State) == State([4])
    write_state(checkpoint, 5, State([5]))
    assert read_state(checkpoint, 4, State) == State([4])  # run again
    assert read_state(checkpoint, 5, State) == State([5])
    for batch in (6, 7):
        write_state(checkpoint, batch, State([batch]))
    assert not (checkpoint / "windows").exists()

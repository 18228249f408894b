"""What a query remembers between batches, kept in files of its checkpoint beside Spark's own.

A batch that is run again after a crash goes on from the newest state before it. Each file has a
checksum. Those that an earlier version left have none, and lie in a folder of their own: a damaged
file is never taken for one of them.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from include.atomic_files import delete_folder
from include.errors import PlatformError, StateError
from include.lake.checkpoint import batch_numbers
from include.object_path import StorePath
from include.state_files import read_checked_file, read_json_file, write_checked_file

STATES, UNCHECKED_STATES = "window_states", "windows"  # the second before schema 4
KEPT_BATCHES = 3
LOST_STATE = "no state of its windows from before batch {batch} can be read"
S = TypeVar("S")


def write_state(checkpoint: StorePath, batch: int, snapshot: msgspec.Struct) -> None:
    """Write the state with which a batch begins; it is on the disk when the function returns."""
    folder = checkpoint / STATES
    folder.mkdir(parents=True, exist_ok=True)
    write_checked_file(folder / str(batch), snapshot)
    numbers = sorted(batch_numbers(folder))
    for number in numbers[:-KEPT_BATCHES]:
        (folder / str(number)).unlink()
    if len(numbers) >= KEPT_BATCHES:
        delete_folder(checkpoint / UNCHECKED_STATES)


def read_state(checkpoint: StorePath, batch: int, state_type: type[S]) -> S:
    """The newest state with which this batch or one before it began.

    Raises:
        PlatformError: there is none that can be read.
    """
    for state in _read_states(checkpoint, batch, state_type):
        return state
    reason = LOST_STATE.format(batch=batch)
    raise PlatformError(f"the checkpoint of `{checkpoint.parent.name}` is damaged: {reason}")


def _read_states(checkpoint: StorePath, batch: int, state_type: type[S]) -> Iterator[S]:
    """The states from before a batch that can be read, newest first."""
    for name, read in ((STATES, read_checked_file), (UNCHECKED_STATES, read_json_file)):
        for number in sorted(batch_numbers(checkpoint / name), reverse=True):
            if number > batch:
                continue
            try:
                state = read(checkpoint / name / str(number), state_type)
            except StateError:
                continue
            if state is not None:
                yield state


def find_state_damage(checkpoint: StorePath) -> str | None:
    """Why the next batch of a checkpoint finds no state, in words; null if it does or is the first.

    A checkpoint of a version whose windows Spark kept is one of these too.
    """
    batches = batch_numbers(checkpoint / "offsets")
    if not batches:
        return None
    try:
        read_state(checkpoint, max(batches), dict)
    except PlatformError:
        return LOST_STATE.format(batch=max(batches))
    return None

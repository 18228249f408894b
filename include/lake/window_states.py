"""What a query remembers between batches, kept in files of its checkpoint beside Spark's own.

A batch that is run again after a crash goes on from the newest state before it.
"""

from typing import TypeVar

import msgspec

from include.atomic_files import write_file
from include.errors import PlatformError
from include.lake.checkpoint import batch_numbers
from include.object_path import StorePath

KEPT_BATCHES = 3
LOST_STATE = "no state of its windows from before batch {batch} can be read"
S = TypeVar("S")


def write_state(checkpoint: StorePath, batch: int, snapshot: msgspec.Struct) -> None:
    """Write the state with which a batch begins; it is on the disk when the function returns."""
    folder = checkpoint / "windows"
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / str(batch), msgspec.json.encode(snapshot))
    for number in sorted(batch_numbers(folder))[:-KEPT_BATCHES]:
        (folder / str(number)).unlink()


def read_state(checkpoint: StorePath, batch: int, state_type: type[S]) -> S:
    """The newest state with which this batch or one before it began.

    Raises:
        PlatformError: there is none that can be read.
    """
    folder = checkpoint / "windows"
    for number in sorted(batch_numbers(folder), reverse=True):
        if number <= batch:
            try:
                return msgspec.json.decode((folder / str(number)).read_bytes(), type=state_type)
            except (msgspec.MsgspecError, OSError):
                continue
    reason = LOST_STATE.format(batch=batch)
    raise PlatformError(f"the checkpoint of `{checkpoint.parent.name}` is damaged: {reason}")


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

"""Decisions as lines of text that are equal, to the bit, wherever the same decision was made. Pure.

Where a signal and a top lay in Kafka says whence they came, not what they say: a replay has no
Kafka. So places are left out; everything else that the rule saw and concluded is in the line.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from include.market.events import Decision
from include.trading.inputs import Inputs, canonical, read

_encoder = msgspec.json.Encoder(decimal_format="string", order="deterministic")


def line(decision: Decision) -> str:
    """One decision's line, JSON without line breaks.

    Raises:
        WireError: its inputs cannot be read.
    """
    told = {name: getattr(decision, name) for name in Decision.__struct_fields__}
    told["inputs"] = msgspec.Raw(canonical(_placeless(read(decision.inputs))).encode())
    return _encoder.encode(told).decode()


def digest(lines: Iterable[str]) -> str:
    """The SHA-256 (hex) of the lines, each ended by a line break: the digest of the file."""
    found = hashlib.sha256()
    for one in lines:
        found.update(f"{one}\n".encode())
    return found.hexdigest()


def _placeless(inputs: Inputs) -> Inputs:
    book = msgspec.structs.replace(inputs.book, place=None) if inputs.book else None
    return msgspec.structs.replace(inputs, place=None, book=book)

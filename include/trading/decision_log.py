"""Decisions as lines of text that are equal, to the bit, wherever the same decision was made. Pure.

A replay has no Kafka, so the record ids of signal and top (topic, partition, offset) are left out;
everything else that the rule saw and concluded is in the line.
"""

import hashlib
from collections.abc import Iterable

import msgspec

from include.market.events import Decision
from include.trading.inputs import Inputs, canonical_json, read

_encoder = msgspec.json.Encoder(decimal_format="string", order="deterministic")


def log_line(decision: Decision) -> str:
    """One decision's line, JSON without line breaks.

    Raises:
        WireError: its inputs cannot be read.
    """
    fields = {name: getattr(decision, name) for name in Decision.__struct_fields__}
    inputs = _drop_record_ids(read(decision.inputs))
    fields["inputs"] = msgspec.Raw(canonical_json(inputs).encode())
    return _encoder.encode(fields).decode()


def digest(log_lines: Iterable[str]) -> str:
    """The SHA-256 (hex) of the lines, each ended by a line break: the digest of the file."""
    sha256 = hashlib.sha256()
    for text in log_lines:
        sha256.update(f"{text}\n".encode())
    return sha256.hexdigest()


def _drop_record_ids(inputs: Inputs) -> Inputs:
    top = msgspec.structs.replace(inputs.top, record_id=None) if inputs.top else None
    return msgspec.structs.replace(inputs, record_id=None, top=top)

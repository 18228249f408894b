"""The outcome of one check: of the audit, of an order's trace, of a gate."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """What was checked, whether it holds, and in `detail` what was compared or what differs."""

    name: str
    ok: bool
    detail: str

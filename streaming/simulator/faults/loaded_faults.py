"""The loaded faults, and which of them strike a connection now. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from streaming.simulator.faults.script import Answer, AnyFault, Fault, Refuse, Script, Stall

_F = TypeVar("_F", bound=Fault)
_NOT_OF_MESSAGES = (Answer, Refuse, Stall)


@dataclass(eq=False)
class LoadedFault:
    """A fault and when it was loaded; `connections_before` counts those made by then, by venue."""

    fault: AnyFault
    loaded_at_s: float
    speed: float
    connections_before: Counter[str]
    struck: int = 0

    def applies_to(self, venue: str) -> bool:
        """Whether it is about this venue and has strikes left."""
        unspent = not self.fault.times or self.struck < self.fault.times
        return unspent and self.fault.venue in {"", venue}


@dataclass(eq=False)
class SimulatedConnection:
    """One connection: the `number`-th of its venue, made at `made_s`."""

    venue: str
    number: int
    made_at_s: float
    matches: Counter[int] = field(default_factory=Counter)


@dataclass
class LoadedFaults:
    """Every loaded fault, in the order of loading."""

    faults: list[LoadedFault] = field(default_factory=list)
    connections: Counter[str] = field(default_factory=Counter)
    cut_off_until_s: dict[str, float] = field(default_factory=dict)

    def load(self, script: Script, now_s: float) -> None:
        """Load a script's faults; their time starts now."""
        self.faults += [
            LoadedFault(fault, now_s, script.speed, self.connections.copy())
            for fault in script.faults
        ]

    def connect(self, venue: str, now_s: float) -> SimulatedConnection:
        """Count a new connection."""
        self.connections[venue] += 1
        return SimulatedConnection(venue, self.connections[venue], now_s)

    def find_matching(
        self, connection: SimulatedConnection, text: str, now_s: float, *, received: bool
    ) -> Iterator[tuple[LoadedFault, AnyFault]]:
        """The faults that strike this message now: a received request, or a message to be sent.

        The caller counts those that it carried out, in `LoadedFault.struck`.
        """
        for entry in self.faults:
            fault, request_text = entry.fault, getattr(entry.fault, "request", "")
            if isinstance(fault, _NOT_OF_MESSAGES) or not entry.applies_to(connection.venue):
                continue
            if bool(request_text) != received or request_text not in text:
                continue
            if fault.stream not in text or not _matches_connection(entry, connection):
                continue
            connection.matches[id(entry)] += 1
            if connection.matches[id(entry)] >= (fault.message or 1) and _is_due(
                entry, connection, now_s
            ):
                yield entry, fault

    def first_for_handshake(
        self, kind: type[_F], venue: str, now_s: float
    ) -> tuple[LoadedFault, _F] | None:
        """The first fault of a kind for the next handshake of a venue."""
        connection = SimulatedConnection(venue, self.connections[venue] + 1, now_s)
        for entry in self.faults:
            fault = entry.fault
            if (
                isinstance(fault, kind)
                and entry.applies_to(venue)
                and _matches_connection(entry, connection)
                and _is_due(entry, connection, now_s)
            ):
                return entry, fault
        return None


def _matches_connection(entry: LoadedFault, connection: SimulatedConnection) -> bool:
    ordinal = entry.fault.connection
    return (
        ordinal is None or connection.number - entry.connections_before[connection.venue] == ordinal
    )


def _is_due(entry: LoadedFault, connection: SimulatedConnection, now_s: float) -> bool:
    at_s, age_s = entry.fault.at_s or 0.0, entry.fault.age_s or 0.0
    return (now_s - entry.loaded_at_s) * entry.speed >= at_s and (
        now_s - connection.made_at_s
    ) * entry.speed >= age_s

"""Faults that are loaded, and which of them strike a connection now. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from streaming.simulator.faults.script import Answer, AnyFault, Fault, Refuse, Script, Stall

_F = TypeVar("_F", bound=Fault)
_ELSEWHERE = (Answer, Refuse, Stall)


@dataclass(eq=False)
class Armed:
    """One fault since it was loaded; `before` counts the connections made by then, by venue."""

    fault: AnyFault
    loaded_s: float
    speed: float
    before: Counter[str]
    struck: int = 0

    def open_for(self, venue: str) -> bool:
        """Whether it is about this venue and not used up."""
        left = not self.fault.times or self.struck < self.fault.times
        return left and self.fault.venue in {"", venue}


@dataclass(eq=False)
class Line:
    """One connection: the `number`-th of its venue, made at `made_s`."""

    venue: str
    number: int
    made_s: float
    matched: Counter[int] = field(default_factory=Counter)


@dataclass
class Arsenal:
    """Every loaded fault, in the order of loading."""

    loaded: list[Armed] = field(default_factory=list)
    connections: Counter[str] = field(default_factory=Counter)
    cut_off_until_s: dict[str, float] = field(default_factory=dict)

    def load(self, script: Script, now_s: float) -> None:
        """Arm a script's faults from now on."""
        self.loaded += [
            Armed(fault, now_s, script.speed, self.connections.copy()) for fault in script.faults
        ]

    def connected(self, venue: str, now_s: float) -> Line:
        """Count a connection in."""
        self.connections[venue] += 1
        return Line(venue, self.connections[venue], now_s)

    def strikes(
        self, line: Line, text: str, now_s: float, *, heard: bool
    ) -> Iterator[tuple[Armed, AnyFault]]:
        """The faults that strike this message now: a request that was heard, or one to be sent.

        The caller says which of them it carried out, by `Armed.struck`.
        """
        for armed in self.loaded:
            fault, asks = armed.fault, getattr(armed.fault, "request", "")
            if isinstance(fault, _ELSEWHERE) or not armed.open_for(line.venue):
                continue
            if bool(asks) != heard or asks not in text:
                continue
            if fault.stream not in text or not _of_line(armed, line):
                continue
            line.matched[id(armed)] += 1
            if line.matched[id(armed)] >= (fault.message or 1) and _due(armed, line, now_s):
                yield armed, fault

    def meets(self, kind: type[_F], venue: str, now_s: float) -> tuple[Armed, _F] | None:
        """The first fault of a kind for the next handshake of a venue."""
        line = Line(venue, self.connections[venue] + 1, now_s)
        for armed in self.loaded:
            fault = armed.fault
            if (
                isinstance(fault, kind)
                and armed.open_for(venue)
                and _of_line(armed, line)
                and _due(armed, line, now_s)
            ):
                return armed, fault
        return None


def _of_line(armed: Armed, line: Line) -> bool:
    wanted = armed.fault.connection
    return wanted is None or line.number - armed.before[line.venue] == wanted


def _due(armed: Armed, line: Line, now_s: float) -> bool:
    at_s, age_s = armed.fault.at_s or 0.0, armed.fault.age_s or 0.0
    return (now_s - armed.loaded_s) * armed.speed >= at_s and (
        now_s - line.made_s
    ) * armed.speed >= age_s

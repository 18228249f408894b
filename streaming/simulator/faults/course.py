"""What becomes of each message of a connection under the loaded faults. Pure."""

import json
from dataclasses import dataclass

from streaming.simulator.faults import script
from streaming.simulator.faults.armed import Armed, Arsenal, Line
from streaming.simulator.faults.edits import edited

BEATS = '"heartbeat"'
RESET = 1006
WENT_AWAY = 1001


@dataclass(frozen=True)
class Send:
    """This text goes out; `raw` bytes do instead where no text says them."""

    text: str
    raw: bytes | None = None


@dataclass(frozen=True)
class End:
    """The connection ends: `half` of this text goes out first, without its rest."""

    code: int
    half: str = ""
    share: float = 0.0


Step = Send | End


@dataclass
class Course:
    """One connection's messages, as they pass."""

    arsenal: Arsenal
    line: Line
    silent_until_s: float = 0.0
    _beats_pass: bool = True
    _held: tuple[str, str] | None = None
    _close_at_s: float = float("inf")

    def quiet(self, now_s: float) -> bool:
        """Whether data are held back while heartbeats go on: nothing is to be numbered then."""
        return now_s < self.silent_until_s and self._beats_pass

    def cut_off(self, now_s: float) -> bool:
        """Whether nothing passes either way."""
        return now_s < self.arsenal.cut_off_until_s.get(self.line.venue, 0.0)

    def passed(self, text: str, now_s: float) -> list[Step]:
        """What goes out in place of a message."""
        if now_s >= self._close_at_s:
            return [End(WENT_AWAY)]
        steps: list[Step] = [Send(text)]
        silent = now_s < self.silent_until_s and not (self._beats_pass and BEATS in text)
        for armed, fault in self.arsenal.strikes(self.line, text, now_s, heard=False):
            steps = self._struck(armed, fault, steps, now_s)
            if any(isinstance(one, End) for one in steps):
                return steps
        if silent or self.cut_off(now_s):
            return []
        if self._held and self._held[0] in text and steps:
            steps, self._held = [*steps, Send(self._held[1])], None
        return steps

    def heard(self, text: str, now_s: float) -> list[Step] | None:
        """What answers a request in place of the venue; null where the venue may."""
        for armed, fault in self.arsenal.strikes(self.line, text, now_s, heard=True):
            armed.struck += 1
            if isinstance(fault, script.Close):
                return [End(fault.code)]
            return [Send(_refusal(text, fault))] if isinstance(fault, script.RefuseRequest) else []
        return None

    def _struck(
        self, armed: Armed, fault: script.AnyFault, steps: list[Step], now_s: float
    ) -> list[Step]:
        first = next((one for one in steps if isinstance(one, Send) and one.raw is None), None)
        if isinstance(fault, script.Edit):
            changed = edited(fault, first.text) if first else None
            armed.struck += changed is not None
            return steps if changed is None else [Send(changed)]
        armed.struck += 1
        text = first.text if first else ""
        if isinstance(fault, script.Silence):
            self.silent_until_s = _until(fault.for_s, armed, now_s)
            self._beats_pass = fault.heartbeats
        elif isinstance(fault, script.Partition):
            until_s = _until(fault.for_s, armed, now_s)
            self.arsenal.cut_off_until_s[self.line.venue] = until_s
        elif isinstance(fault, script.ServerShutdown):
            self._close_at_s = now_s + fault.lead_s / armed.speed
            return [Send(_shutdown(text, now_s)), *steps]
        elif isinstance(fault, script.Reorder):
            self._held = (fault.stream, text)
            return []
        return _made(fault, text, steps)


def _made(fault: script.AnyFault, text: str, steps: list[Step]) -> list[Step]:
    match fault:
        case script.Close():
            return [End(fault.code)]
        case script.Cut():
            return [End(RESET, text, fault.share)]
        case script.Skip():
            return []
        case script.Repeat():
            return [*steps, Send(text)]
        case script.Junk():
            return [Send(fault.text, bytes.fromhex(fault.hex) or None), *steps]
    return steps


def _until(for_s: float, armed: Armed, now_s: float) -> float:
    return now_s + for_s / armed.speed if for_s else float("inf")


def _shutdown(text: str, now_s: float) -> str:
    notice: dict[str, object] = {"e": "serverShutdown", "E": int(now_s * 1000)}
    combined = text.startswith('{"stream"')
    return json.dumps({"stream": "!serverShutdown", "data": notice} if combined else notice)


def _refusal(text: str, fault: script.RefuseRequest) -> str:
    asked = json.loads(text)
    if "jsonrpc" in asked:
        error = {"code": fault.code, "message": fault.reason}
        return json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "error": error})
    if "method" in asked and asked["method"].isupper():
        return json.dumps({"code": fault.code, "msg": fault.reason, "id": asked.get("id")})
    error = {"code": fault.code, "msg": fault.reason}
    return json.dumps({"id": asked.get("id"), "status": 400, "error": error})

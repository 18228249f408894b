"""Applies the loaded faults to each message of a connection. Pure."""

import json
from dataclasses import dataclass

from streaming.simulator.faults import script
from streaming.simulator.faults.edits import apply_edit
from streaming.simulator.faults.loaded_faults import LoadedFault, LoadedFaults, SimulatedConnection

BEATS = '"heartbeat"'
RESET = 1006
WENT_AWAY = 1001


@dataclass(frozen=True)
class SendMessage:
    """Send this text, or the `raw` bytes where there are any."""

    text: str
    raw: bytes | None = None


@dataclass(frozen=True)
class EndConnection:
    """End the connection; before that send the `share` of the text `half`."""

    code: int
    half: str = ""
    share: float = 0.0


Step = SendMessage | EndConnection


@dataclass
class MessageFilter:
    """The messages of one connection, in order, as the faults let them pass."""

    loaded_faults: LoadedFaults
    connection: SimulatedConnection
    silent_until_s: float = 0.0
    _beats_pass: bool = True
    _delayed: tuple[str, str] | None = None
    _close_at_s: float = float("inf")

    def withholds_data(self, now_s: float) -> bool:
        """Whether data are held back while heartbeats go on: nothing may be numbered then."""
        return now_s < self.silent_until_s and self._beats_pass

    def cut_off(self, now_s: float) -> bool:
        """Whether nothing passes either way."""
        return now_s < self.loaded_faults.cut_off_until_s.get(self.connection.venue, 0.0)

    def filter_message(self, text: str, now_s: float) -> list[Step]:
        """What is sent in place of a message."""
        if now_s >= self._close_at_s:
            return [EndConnection(WENT_AWAY)]
        steps: list[Step] = [SendMessage(text)]
        silent = now_s < self.silent_until_s and not (self._beats_pass and BEATS in text)
        for entry, fault in self.loaded_faults.find_matching(
            self.connection, text, now_s, received=False
        ):
            steps = self._apply(entry, fault, steps, now_s)
            if any(isinstance(step, EndConnection) for step in steps):
                return steps
        if silent or self.cut_off(now_s):
            return []
        if self._delayed and self._delayed[0] in text and steps:
            steps, self._delayed = [*steps, SendMessage(self._delayed[1])], None
        return steps

    def filter_request(self, text: str, now_s: float) -> list[Step] | None:
        """The answer to a request in place of the venue's; none if the venue answers."""
        for entry, fault in self.loaded_faults.find_matching(
            self.connection, text, now_s, received=True
        ):
            entry.struck += 1
            if isinstance(fault, script.Close):
                return [EndConnection(fault.code)]
            return (
                [SendMessage(_refusal(text, fault))]
                if isinstance(fault, script.RefuseRequest)
                else []
            )
        return None

    def _apply(
        self, entry: LoadedFault, fault: script.AnyFault, steps: list[Step], now_s: float
    ) -> list[Step]:
        first_message = next(
            (step for step in steps if isinstance(step, SendMessage) and step.raw is None), None
        )
        if isinstance(fault, script.Edit):
            edited_text = apply_edit(fault, first_message.text) if first_message else None
            entry.struck += edited_text is not None
            return steps if edited_text is None else [SendMessage(edited_text)]
        entry.struck += 1
        text = first_message.text if first_message else ""
        if isinstance(fault, script.Silence):
            self.silent_until_s = _end_s(fault.for_s, entry, now_s)
            self._beats_pass = fault.heartbeats
        elif isinstance(fault, script.Partition):
            until_s = _end_s(fault.for_s, entry, now_s)
            self.loaded_faults.cut_off_until_s[self.connection.venue] = until_s
        elif isinstance(fault, script.ServerShutdown):
            self._close_at_s = now_s + fault.lead_s / entry.speed
            return [SendMessage(_shutdown(text, now_s)), *steps]
        elif isinstance(fault, script.Reorder):
            self._delayed = (fault.stream, text)
            return []
        return _apply_to_text(fault, text, steps)


def _apply_to_text(fault: script.AnyFault, text: str, steps: list[Step]) -> list[Step]:
    match fault:
        case script.Close():
            return [EndConnection(fault.code)]
        case script.Cut():
            return [EndConnection(RESET, text, fault.share)]
        case script.Skip():
            return []
        case script.Repeat():
            return [*steps, SendMessage(text)]
        case script.Junk():
            return [SendMessage(fault.text, bytes.fromhex(fault.hex) or None), *steps]
    return steps


def _end_s(for_s: float, entry: LoadedFault, now_s: float) -> float:
    return now_s + for_s / entry.speed if for_s else float("inf")


def _shutdown(text: str, now_s: float) -> str:
    notice: dict[str, object] = {"e": "serverShutdown", "E": int(now_s * 1000)}
    combined = text.startswith('{"stream"')
    return json.dumps({"stream": "!serverShutdown", "data": notice} if combined else notice)


def _refusal(text: str, fault: script.RefuseRequest) -> str:
    request = json.loads(text)
    if "jsonrpc" in request:
        error = {"code": fault.code, "message": fault.reason}
        return json.dumps({"jsonrpc": "2.0", "id": request.get("id"), "error": error})
    if "method" in request and request["method"].isupper():
        return json.dumps({"code": fault.code, "msg": fault.reason, "id": request.get("id")})
    error = {"code": fault.code, "msg": fault.reason}
    return json.dumps({"id": request.get("id"), "status": 400, "error": error})

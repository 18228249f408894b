"""How far each feed came: the last trade ids that Kafka acknowledged, kept in a small file.

After a kill the feed starts from them, so that what was never acknowledged shows as a gap. What
was sent and not acknowledged counts as unknown, never as delivered.
"""

import json
from pathlib import Path

from include.atomic_files import write_file
from include.errors import WireError
from include.market import wire
from include.market.events import Message, Trade

_TRADES = wire.TOPIC_OF_KIND["trade"]


class Positions:
    """Last ids by symbol of one venue. `acknowledged` may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left; a file that makes no sense counts as none."""
        self._path = path
        self.ids = _read(path)
        self._saved = dict(self.ids)

    def acknowledged(self, topic: str, value: bytes) -> None:
        """Hear of a record that is safe: the trades in it need no healing."""
        if topic != _TRADES:
            return
        try:
            message = wire.decode(value)
        except WireError:
            return
        if (last := _last(message)) is not None:
            self.ids[message.symbol] = max(last, self.ids.get(message.symbol, 0))

    def save(self) -> None:
        """Write the ids if they changed, whole or not at all."""
        found = dict(self.ids)
        if found == self._saved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, json.dumps(found))
        self._saved = found


def _last(message: Message) -> int | None:
    """The newest trade's id: Gemini's `seq` counts frames of a connection, not trades."""
    newest = message.events[-1] if message.events else None
    if message.venue == "gemini" and isinstance(newest, Trade):
        return int(newest.trade_id)
    return message.seq[1] if message.seq and newest else None


def _read(path: Path) -> dict[str, int]:
    try:
        found = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(name): number for name, number in found.items() if isinstance(number, int)}

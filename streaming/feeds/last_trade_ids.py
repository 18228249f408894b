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
from include.market.venues import VENUES, TradeNumbers
from include.market.wire import Topic


class LastTradeIds:
    """Last ids by symbol of one venue. `acknowledged` may be called from any thread."""

    def __init__(self, path: Path) -> None:
        """Read what an earlier process left; a file that makes no sense counts as none."""
        self._path = path
        self.by_symbol = _read(path)
        self._saved = dict(self.by_symbol)

    def acknowledged(self, topic: str, record_value: bytes) -> None:
        """Take note of a record that is safe: the trades in it need no healing."""
        if topic != Topic.TRADES:
            return
        try:
            message = wire.decode(record_value)
        except WireError:
            return
        if (last_id := _last_id(message)) is not None:
            self.by_symbol[message.symbol] = max(last_id, self.by_symbol.get(message.symbol, 0))

    def save(self) -> None:
        """Write the ids if they changed, whole or not at all."""
        ids = dict(self.by_symbol)
        if ids == self._saved:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_file(self._path, json.dumps(ids))
        self._saved = ids


def _last_id(message: Message) -> int | None:
    """The newest trade's id, in the numbers by which the venue counts trades."""
    numbers = VENUES[message.venue].trades if message.venue in VENUES else TradeNumbers.UNNUMBERED
    newest = message.events[-1] if message.events else None
    if numbers is TradeNumbers.TRADE_ID and isinstance(newest, Trade):
        return int(newest.trade_id)
    if numbers is TradeNumbers.SEQUENCE and message.seq and newest:
        return message.seq[1]
    return None


def _read(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(symbol): last for symbol, last in content.items() if isinstance(last, int)}

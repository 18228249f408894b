"""Times of the simulated Binance's replies and events in microseconds, for who asks for them. Pure.

Source: binance/binance-spot-api-docs: header `X-MBX-TIME-UNIT`, parameter `timeUnit`.
"""

from streaming.simulator.binance_parameters import BinanceError

_NAMES = frozenset(
    "serverTime time updateTime transactTime workingTime openTime closeTime E T O C".split()
)
_OPEN, _CLOSE, _COLUMNS = 0, 6, 12


def is_microseconds(text: str) -> bool:
    """Whether a time unit is that of microseconds.

    Raises:
        BinanceError: it is no time unit.
    """
    if text.upper() not in {"", "MICROSECOND", "MILLISECOND"}:
        message = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND."
        raise BinanceError(400, -1194, message)
    return text.upper() == "MICROSECOND"


def in_microseconds(reply: object) -> object:
    """A reply with its times in microseconds; the last ms of a candle ends with its last µs."""
    if isinstance(reply, dict):
        scaled = {name: in_microseconds(value) for name, value in reply.items()}
        times = {name for name in scaled if name in _NAMES and isinstance(reply[name], int)}
        scaled |= {name: reply[name] * 1000 for name in times}
        if isinstance(bounds := reply.get("k"), dict):
            times_of_candle = {"t": bounds["t"] * 1000, "T": _last_us(bounds["T"])}
            return {**scaled, "k": {**bounds, **times_of_candle}}
        return scaled
    if isinstance(reply, list):
        if len(reply) == _COLUMNS and isinstance(reply[_OPEN], int):
            row = list(reply)
            row[_OPEN], row[_CLOSE] = row[_OPEN] * 1000, _last_us(row[_CLOSE])
            return row
        return [in_microseconds(item) for item in reply]
    return reply


def _last_us(last_ms: int) -> int:
    return (last_ms + 1) * 1000 - 1

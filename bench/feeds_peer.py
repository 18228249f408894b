"""cryptofeed decoding the same frames, offline: the peer of the decoding benchmark."""

import asyncio
import time
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec


def is_installed() -> bool:
    """Whether cryptofeed is there (`uv sync --group bench --inexact`)."""
    return find_spec("cryptofeed") is not None


def seconds_to_decode(frames: Sequence[bytes], *, symbols: tuple[str, ...]) -> tuple[float, int]:
    """Processor seconds that cryptofeed takes for Binance aggTrade frames; trades it decoded."""
    defines, exchanges, symbol_names = (
        import_module(f"cryptofeed.{name}") for name in ("defines", "exchanges", "symbols")
    )
    names = {symbol: symbol.replace("-", "") for symbol in symbols}
    symbol_names.Symbols.set(
        exchanges.Binance.id, names, {"instrument_type": dict.fromkeys(names, "spot")}
    )
    trade_count = 0

    async def count(_trade: object, _received: float) -> None:
        nonlocal trade_count
        trade_count += 1

    async def run() -> float:
        feed = exchanges.Binance(
            symbols=list(symbols), channels=[defines.TRADES], callbacks={defines.TRADES: count}
        )
        texts = [frame.decode() for frame in frames]
        began = time.process_time()
        for text in texts:
            await feed.message_handler(text, None, 1.0)
        return time.process_time() - began

    return asyncio.run(run()), trade_count

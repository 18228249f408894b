"""cryptofeed on the same frames, offline: the peer of the feeds' benchmark.

Its callbacks are handed every trade; its own Kafka backend waits for all replicas, as ours does.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from kafka.admin import KafkaAdminClient, NewTopic

from include.errors import Unreachable

CONNECTED_S = 3.0
NEEDED = ("cryptofeed", "aiokafka")


def is_installed() -> bool:
    """Whether cryptofeed and its Kafka client are there."""
    return all(find_spec(name) is not None for name in NEEDED)


def make_topics(bootstrap: str, symbols: tuple[str, ...]) -> None:
    """The topics that its backend writes to: one for each symbol."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    names = [f"trades-BINANCE-{symbol}" for symbol in symbols]
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1) for name in names])
    admin.close()


def measure_decoding_rate(frames: Sequence[bytes], *, symbols: tuple[str, ...]) -> float:
    """Binance aggTrade frames a second of processor time, each handed to a callback."""
    trade_count = 0

    async def count(_trade: object, _received: float) -> None:
        nonlocal trade_count
        trade_count += 1

    async def run() -> float:
        handle = _handler(symbols, count)
        texts = [frame.decode() for frame in frames]
        began_s = time.process_time()
        for text in texts:
            await handle(text, None, 1.0)
        return time.process_time() - began_s

    seconds = asyncio.run(run())
    if trade_count != len(frames):
        raise Unreachable(f"the peer decoded {trade_count} trades of {len(frames)} frames")
    return len(frames) / seconds


def measure_publishing_rate(
    frames: Sequence[bytes], *, symbols: tuple[str, ...], bootstrap: str
) -> float:
    """Frames a second by the clock, until its backend has the last acknowledgement."""
    backend = import_module("cryptofeed.backends.kafka").TradeKafka

    async def run() -> float:
        callback = backend(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
        callback.start(asyncio.get_running_loop())
        await asyncio.sleep(CONNECTED_S)
        if not callback.running:
            raise Unreachable(f"the peer did not connect within {CONNECTED_S} s")
        handle = _handler(symbols, callback)
        texts = [frame.decode() for frame in frames]
        began_s = time.perf_counter()
        for text in texts:
            await handle(text, None, 1.0)
        await callback.queue.join()  # it waits for each acknowledgement
        seconds = time.perf_counter() - began_s
        await callback.stop()
        await callback.worker
        return seconds

    return len(frames) / asyncio.run(run())


def _handler(
    symbols: tuple[str, ...], callback: Callable[..., Awaitable[None]]
) -> Callable[..., Awaitable[Any]]:
    """What cryptofeed's connection calls with each text of Binance."""
    defines, exchanges, symbol_names = (
        import_module(f"cryptofeed.{name}") for name in ("defines", "exchanges", "symbols")
    )
    names = {symbol: symbol.replace("-", "") for symbol in symbols}
    symbol_names.Symbols.set(
        exchanges.Binance.id, names, {"instrument_type": dict.fromkeys(names, "spot")}
    )
    feed = exchanges.Binance(
        symbols=list(symbols), channels=[defines.TRADES], callbacks={defines.TRADES: callback}
    )
    handler: Callable[..., Awaitable[Any]] = feed.message_handler
    return handler

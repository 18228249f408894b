"""The frames that the feeds' benchmark takes: recorded ones where they are, else generated ones."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from include.market.events import Frame
from streaming.feeds.tape import read_tape
from streaming.simulator.clock import Clock
from streaming.simulator.gemini_dialects import V1Dialect
from streaming.simulator.gemini_market import GeminiMarket, MarketUpdate
from streaming.simulator.order_book import OrderBook
from streaming.simulator.price_path import make_paths

BINANCE_TAPE = "ws/binance_spot/btc_eth_dot_aggtrade_depth_kline_2021-04-04_part1"
GEMINI_TAPE = "ws/gemini_v1/btcusd_2018-04-24"
FRAMES_PER_S = "frames/s"
SYMBOLS = ("BTC-USDT", "ETH-USDT", "DOT-USDT")
SEED = 7
AT_MS = 1_717_566_591_000
GENERATED_TRADES, GENERATED_CHANGES = 20_000, 5_000
_T = TypeVar("_T")


@dataclass(frozen=True)
class Frames:
    """Binance aggTrade frames of `SYMBOLS`, and one Gemini v1 connection; `source` is whose."""

    source: str
    trades: list[Frame]
    book: list[Frame]


def find_frames(folder: Path) -> Frames:
    """The tapes of the folder; generated frames if it lacks one of them."""
    tapes = [folder / tape for tape in (BINANCE_TAPE, GEMINI_TAPE)]
    if not all(tape.with_name(f"{tape.name}.jsonl.gz").exists() for tape in tapes):
        return Frames(
            "generated", list(generate_binance(GENERATED_TRADES)), list(generate_gemini())
        )
    trades, book = (list(read_tape(tape)) for tape in tapes)
    return Frames("recorded", [frame for frame in trades if b"@aggTrade" in frame.data], book)


def generate_binance(count: int) -> Iterator[Frame]:
    """So many aggregate trades in combined framing, each symbol's numbered without a hole."""
    chance = random.Random(SEED)
    spellings = [symbol.replace("-", "") for symbol in SYMBOLS]
    prices, numbers = [5_800_103, 208_790, 4_350], [665_000_000, 350_000_000, 60_000_000]
    for trade in range(count):
        at_ms, index = AT_MS + trade, chance.choices(range(3), (6, 3, 1))[0]
        prices[index] += chance.randrange(-3, 4)
        numbers[index] += 1
        first = numbers[index] * 2
        text = (
            f'{{"stream":"{spellings[index].lower()}@aggTrade","data":{{"e":"aggTrade",'
            f'"E":{at_ms + 1},"s":"{spellings[index]}","a":{numbers[index]},'
            f'"p":"{prices[index] / 100:.8f}","q":"{chance.expovariate(20) + 1e-5:.8f}",'
            f'"f":{first},"l":{first + chance.randrange(2)},"T":{at_ms},'
            f'"m":{chance.choice(("true", "false"))},"M":true}}}}'
        )
        yield Frame(text.encode(), at_ms * 1000)


def generate_gemini() -> Iterator[Frame]:
    """One connection to the simulated Gemini v1: the whole book, then changes and trades."""
    clock = Clock(lambda: AT_MS * 1000)
    market = GeminiMarket(
        "btcusd", OrderBook(make_paths(SEED)["BTC-USD"], seed=SEED), speed=1.0, clock=clock
    )
    dialect = V1Dialect(market, {})
    updates: asyncio.Queue[MarketUpdate | bytes] = asyncio.Queue()
    market.listeners.add(updates)
    texts = list(dialect.opening_messages())
    second = AT_MS // 1000
    while len(texts) < GENERATED_CHANGES:
        second += 1
        for events in [*market.book.move(second), market.book.wiggle()]:
            market.publish(events)
        while not updates.empty():
            update = updates.get_nowait()
            if not isinstance(update, bytes):
                texts += dialect.updates([update])
    for text in texts:
        yield Frame(text.encode(), AT_MS * 1000)


def repeat(items: Sequence[_T], count: int) -> list[_T]:
    """So many of the items, from the beginning again where they end."""
    return [items[number % len(items)] for number in range(count)]

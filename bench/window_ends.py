"""How long after a window's end its ratio is on market.signals, and its order on its way.

The whole stream runs as it does in a world, in a process of its own; messages of several symbols
carry the time of their sending as the venue's. The trader's orders go to the simulated Gemini. A
window is short, so that there are many ends in a short time.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import msgspec
import psutil
from confluent_kafka import Producer

from bench.measurement import Measurement, find_quantile
from bench.orders import NEW, TOP
from bench.scratch_venue import scratch_world
from include.bus import Consumer, ensure_topics
from include.clock import now_us
from include.errors import Unreachable
from include.local import kafka
from include.local.scratch import free_ports, run_in_background, wait_for
from include.log import PrintLine
from include.market import wire
from include.market.events import BookChange, BookSide, Message
from include.market.predicted_move import ForecastSide
from include.market.time import MINUTE_US, SECOND_US
from include.market.wire import Topic
from include.rate_limiter import RateLimiter
from include.serving.journal import Journal
from include.settings import ROOT, Settings, load
from include.trading.inputs import ForecastSides, Signal
from include.trading.reasons import Reason
from streaming.trader.brokers.gemini import GeminiBroker
from streaming.trader.brokers.gemini_rest import GeminiRest
from streaming.trader.config import TraderConfig
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.session import Session
from streaming.trader.traded_account import AccountPlan

WINDOW_S = 10
SYMBOLS = ("BTC-USD", "ETH-USD", "SOL-USD", "LTC-USD")
WARM_UP_ENDS = 6  # the first batches of a query compile it
READY_S = 180.0
_signal: msgspec.json.Decoder[Signal] = msgspec.json.Decoder(Signal)


class _InTurn(ForecastWatch):
    """Predicts buy and sell in turn, a window each, of any minute."""

    forecast_id, volatility = "in turn", 0.0

    def __init__(self) -> None:
        """No folder is watched."""
        self.trained_until = now_us() - 10 * MINUTE_US

    def newest(self) -> tuple[ForecastSides | None, Reason | None]:
        """This forecast, which never ages."""
        return self, None

    def refresh(self, *, forced: bool = False) -> None:
        """There is no other."""

    def side_at(self, minute_us: int) -> ForecastSide | None:
        """Buy in even windows of the wall clock."""
        return "sell" if now_us() // (WINDOW_S * SECOND_US) % 2 else "buy"

    def level_at(self, minute_us: int) -> float | None:
        """No level: sides are all that it has."""
        return None

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        """No bounds either."""
        return None


class _StampedRest(GeminiRest):
    """Notes when each order was handed to the socket (µs)."""

    def __init__(self, *arguments: Any, sent_us: list[int], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._sent_us = sent_us

    def call(self, path: str, **fields: Any) -> Any:
        if path == NEW:
            self._sent_us.append(now_us())
        return super().call(path, **fields)


def measure(*, per_second: int, seconds: int, print_line: PrintLine) -> list[Measurement]:
    """Milliseconds after a window's end, p50 and p99, of ratios and orders; the stream's cores.

    Raises:
        Unreachable: a server did not answer, no ratio came, or the stream did not catch up.
    """
    broker, controller = free_ports(2)
    more = {
        "TICKHOUSE_PORTS_KAFKA": broker,
        "TICKHOUSE_PORTS_KAFKA_CONTROLLER": controller,
        "TICKHOUSE_STREAM_WINDOW_S": str(WINDOW_S),
    }
    with scratch_world(more) as env, ExitStack() as stack:
        settings = load(env)
        kafka.prepare(settings)
        stack.enter_context(run_in_background(kafka.build_command(settings)))
        wait_for(lambda: kafka.answers(settings), "broker")
        ensure_topics(settings.bootstrap)
        stop = threading.Event()
        stack.callback(stop.set)
        _in_thread(_send, settings, per_second, stop)
        stream = stack.enter_context(_stream(env))
        sent_us: list[int] = []
        _in_thread(_make_trade, settings, sent_us, stop)
        print_line("waiting for the stream's first windows")
        ends = _Ends(settings)
        if ends.follow(READY_S, max_ends=WARM_UP_ENDS) < WARM_UP_ENDS:
            raise Unreachable(
                f"the stream has not caught up within {READY_S:g} s: measure with nothing else "
                "running"
            )
        print_line(f"{seconds} s of windows of {WINDOW_S} s")
        since_us, cpu_s = now_us(), _cpu_s(stream)
        ends.delays_ms.clear()
        ends.follow(seconds)
        cores = (_cpu_s(stream) - cpu_s) / (now_us() - since_us) * SECOND_US
        orders_ms = [_delay_ms(at) for at in sent_us if at >= since_us]
        return _describe(ends.delays_ms, orders_ms, cores, print_line=print_line)


class _Ends:
    """Follows market.signals: how long after its window's end each ratio was there."""

    def __init__(self, settings: Settings) -> None:
        self.delays_ms: list[float] = []
        self._current_ends: set[int] = set()
        self._consumer = Consumer(settings.bootstrap, topics=[Topic.SIGNALS], from_end=True)

    def follow(self, seconds: float, *, max_ends: int | None = None) -> int:
        """Note the ratios that come in so many seconds, or so many current ends; how many those."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and (
            max_ends is None or len(self._current_ends) < max_ends
        ):
            for record in self._consumer.poll(0.2):
                if b'"price_volume"' in record.value:
                    end_us = _signal.decode(record.value).timestamp
                    delay_ms = (now_us() - end_us) / 1000
                    self.delays_ms.append(delay_ms)
                    if delay_ms < WINDOW_S * 1000:  # else the stream still catches up
                        self._current_ends.add(end_us)
        return len(self._current_ends)


def _describe(
    ratios_ms: list[float], orders_ms: list[float], cores: float, *, print_line: PrintLine
) -> list[Measurement]:
    if not ratios_ms:
        raise Unreachable("no ratio came in the time of the measurement")
    if not orders_ms:
        print_line("no order was sent in the time of the measurement: its rows are left out")
    return [
        *(
            Measurement.of(f"window_end_to_{figure}_{name}", find_quantile(delays_ms, share), "ms")
            for figure, delays_ms in (("ratio", ratios_ms), ("order_sent", orders_ms))
            for name, share in (("p50", 0.50), ("p99", 0.99))
            if delays_ms
        ),
        Measurement.of("stream_processor_time", cores, "cores"),
    ]


def _in_thread(work: Callable[..., None], *arguments: Any) -> None:
    threading.Thread(target=work, args=arguments, daemon=True).start()


@contextmanager
def _stream(env: dict[str, str]) -> Iterator[psutil.Process]:
    command = [sys.executable, "-m", "spark_jobs.stream_market"]
    process = psutil.Popen(command, env=env, cwd=ROOT, stdout=-3, stderr=-3)
    try:
        yield process
    finally:
        children = process.children(recursive=True)
        process.terminate()
        _, alive = psutil.wait_procs([process, *children], timeout=30)
        for survivor in alive:
            survivor.kill()


def _cpu_s(process: psutil.Process) -> float:
    """Processor seconds of a process and its children so far."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _send(settings: Settings, per_second: int, stop: threading.Event) -> None:
    """Changes of both sides of every symbol, so many a second, dated as they are sent."""
    producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 1})
    number, began = 0, time.monotonic()
    while not stop.is_set():
        for _ in range(int((time.monotonic() - began) * per_second) - number):
            number += 1
            message = _make_message(number, now_us())
            producer.produce(Topic.BOOK, wire.encode(message), wire.encode_key(message))
        producer.poll(0)
        time.sleep(0.002)
    producer.flush(30)


def _make_message(number: int, at_us: int) -> Message:
    side: BookSide = "bid" if number // len(SYMBOLS) % 2 else "ask"
    price = Decimal(6_700_000 + number % 997).scaleb(-2)
    change = BookChange(side=side, price=price, remaining=Decimal("1.5"), venue_event_id=number)
    return Message(
        venue="gemini",
        symbol=SYMBOLS[number % len(SYMBOLS)],
        kind="book",
        conn="bench",
        seq=(number, number),
        venue_time=at_us,
        received_time=at_us,
        events=(change,),
        top=TOP,
    )


def _make_trade(settings: Settings, sent_us: list[int], stop: threading.Event) -> None:
    """The trader, whose forecast is buy and sell in turn."""
    config = TraderConfig.from_settings(settings)

    def open_broker(journal: Journal) -> GeminiBroker:
        client = _StampedRest(
            settings.venues.gemini.orders,
            key=settings.venues.gemini.key,
            secret=settings.venues.gemini.secret,
            limiter=RateLimiter(10_000, within_s=1.0),
            next_nonce=lambda: journal.next_nonce(now_us()),
            sent_us=sent_us,
        )
        return GeminiBroker(client, symbol=config.symbol)

    session = Session([AccountPlan(config, open_broker, _InTurn())])
    while not stop.is_set():
        try:
            session.run(stop.is_set)
        except Unreachable:
            stop.wait(1.0)


def _delay_ms(at_us: int) -> float:
    return at_us % (WINDOW_S * SECOND_US) / 1000

"""How long a signal takes to become an order, against the simulated Gemini and a real Postgres.

The clock starts when the record of the signal is taken in and stops when the signed request is
handed to the socket, after the intent was committed; and again when the venue's answer is there.
The peer is the shortest an order can take: the same signed call with no trader around it.
"""

import json
import time
from contextlib import closing
from decimal import Decimal
from typing import Any

from bench.measurement import Measurement, find_quantile
from bench.scratch_venue import scratch_venue
from include.bus import Record
from include.clock import now_us
from include.errors import Unreachable
from include.log import PrintLine
from include.market import wire
from include.market.events import Message, Top
from include.market.predicted_move import ForecastSide
from include.market.time import MINUTE_US
from include.market.wire import Topic
from include.rate_limiter import RateLimiter
from include.serving.journal import Journal
from include.settings import Settings
from include.trading.inputs import ForecastSides
from include.trading.reasons import Reason
from streaming.trader.brokers.gemini import GeminiBroker
from streaming.trader.brokers.gemini_rest import GeminiRest
from streaming.trader.config import TraderConfig
from streaming.trader.desk import Desk
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.trader_state import load_state
from streaming.trader.vetoes import Vetoes

START = 1_524_546_000_000_000  # any whole minute: market time is not wall time
NEW = "/v1/order/new"
WARM_UP = 5
LIMIT_S = 60.0  # Gemini counts requests by the minute; above its limit each waits for its turn
TOP = Top(bid=Decimal(1), bid_quantity=Decimal(5), ask=Decimal(200_000), ask_quantity=Decimal(5))


class _Alternating(ForecastWatch):
    """Predicts buy and sell in turn, a minute each."""

    forecast_id, trained_until, volatility = "in turn", START, 0.0

    def __init__(self) -> None:
        """No folder is watched."""

    def newest(self) -> tuple[ForecastSides | None, Reason | None]:
        """This forecast, which never ages."""
        return self, None

    def side_at(self, minute_us: int) -> ForecastSide | None:
        """Buy in even minutes."""
        return "sell" if minute_us // MINUTE_US % 2 else "buy"

    def level_at(self, minute_us: int) -> float | None:
        """No level: sides are all that it has."""
        return None

    def bounds_at(self, minute_us: int) -> tuple[float, float] | None:
        """No bounds either."""
        return None


class _TimedRest(GeminiRest):
    """Records when an order was handed to the socket and when its answer was there."""

    sent_s = answered_s = 0.0

    def call(self, path: str, **fields: Any) -> Any:
        if path != NEW:
            return super().call(path, **fields)
        self.sent_s = time.perf_counter()
        reply = super().call(path, **fields)
        self.answered_s = time.perf_counter()
        return reply


def measure(*, orders: int, print_line: PrintLine) -> list[Measurement]:
    """Latencies of so many orders, in ms.

    Raises:
        Unreachable: a server of the measurement did not answer, or a signal made no order.
    """
    with scratch_venue() as settings, closing(Journal(settings.dsn())) as journal:
        client = _TimedRest(
            settings.venues.gemini.orders,
            key=settings.venues.gemini.key,
            secret=settings.venues.gemini.secret,
            limiter=RateLimiter(10_000, within_s=1.0),
            next_nonce=lambda: journal.next_nonce(now_us()),
        )
        print_line(f"{orders} orders through the whole desk")
        sent_s, answered_s = _through_desk(settings, journal, client, orders=orders)
        print_line(f"{orders} bare signed calls, when the venue's limit of requests is free again")
        time.sleep(LIMIT_S)
        bare_s = _time_bare_calls(client, orders=orders)
    peer = "the bare signed call"
    shares = (("p50", 0.50), ("p99", 0.99))
    return [
        *(
            Measurement.of(
                f"signal_to_order_sent_{name}", find_quantile(sent_s, share) * 1000, "ms"
            )
            for name, share in shares
        ),
        *(
            Measurement.of(
                f"signal_to_order_answered_{name}",
                find_quantile(answered_s, share) * 1000,
                "ms",
                peer=peer,
                peer_value=find_quantile(bare_s, share) * 1000,
            )
            for name, share in shares
        ),
    ]


def _through_desk(
    settings: Settings, journal: Journal, client: _TimedRest, *, orders: int
) -> tuple[list[float], list[float]]:
    config = TraderConfig.from_settings(settings)
    desk = Desk(
        config,
        journal=journal,
        state=load_state(journal),
        broker=GeminiBroker(client, symbol=config.symbol),
        forecasts=_Alternating(),
        vetoes=Vetoes(config),
    )
    desk.open_account()
    follower = config.follower(dict)
    sent_s, answered_s = [], []
    for number in range(WARM_UP + orders):
        top, signal = _make_records(config, number)
        follower.take(top)
        start_s = time.perf_counter()
        follower.take(signal)
        moment = follower.next({})
        assert moment is not None
        desk.on_signal(moment, follower.resume_at({}))
        if client.sent_s < start_s:
            raise Unreachable(f"signal {number} of the measurement made no order")
        sent_s.append(client.sent_s - start_s)
        answered_s.append(client.answered_s - start_s)
    return sent_s[WARM_UP:], answered_s[WARM_UP:]


def _make_records(config: TraderConfig, number: int) -> tuple[Record, Record]:
    """The top of a window and its signal, as Kafka would hand them over."""
    venue, symbol = config.venue, config.symbol
    end = START + (number + 1) * MINUTE_US
    book = Message(venue, symbol, "book", "bench", None, end, end, (), TOP)
    body = {
        "v": wire.VERSION,
        "venue": venue,
        "symbol": symbol,
        "type": "price_volume",
        "value": "1",
        "timestamp": end,
        "window_start": end - MINUTE_US,
    }
    key = f"{venue}|{symbol}".encode()
    return (
        Record(Topic.BOOK, 0, number, 0, key, wire.encode(book)),
        Record(Topic.SIGNALS, 0, number, 0, key, json.dumps(body).encode()),
    )


def _time_bare_calls(client: _TimedRest, *, orders: int) -> list[float]:
    """Times bare signed calls of one kind of order, bought and sold in turn."""
    durations_s = []
    for number in range(WARM_UP + orders):
        side, price = ("sell", "1.00") if number % 2 else ("buy", "200000.00")
        start_s = time.perf_counter()
        client.call(
            NEW,
            client_order_id=f"bare-{number}",
            symbol="btcusd",
            amount="0.0001",
            price=price,
            side=side,
            type="exchange limit",
            options=["immediate-or-cancel"],
        )
        durations_s.append(time.perf_counter() - start_s)
    return durations_s[WARM_UP:]

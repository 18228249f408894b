"""One session: open the journal, go on where it stops, decide on every signal, tell Kafka.

Whatever fails, the next session starts from the journal, in this process or in another one.
If the process dies before a commit, the signal is decided again, with the same ids; after it, the
outbox is sent; after the send, the topics' tails say which outbox rows Kafka has.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing

from include.log import event
from include.serving.journal import Journal
from include.serving.tables import create_tables
from include.settings import Settings
from include.trading.account import Account
from include.trading.rules import RULE
from streaming.bus import Consumer, offsets
from streaming.trader.book_keeping import Teller, opened
from streaming.trader.brokers import Broker
from streaming.trader.desk import Desk, Reached, nothing
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.market import BOOK, SIGNALS, Market
from streaming.trader.outbox import Publisher
from streaming.trader.parameters import parameters

log = logging.getLogger("tickhouse.trader")
HALT_FILE = "trader.halt"
POLL_S = 0.25


def run(
    settings: Settings,
    *,
    broker: Callable[[Journal], Broker],
    forecasts: ForecastWatch,
    stopped: Callable[[], bool],
    reached: Reached = nothing,
) -> None:
    """Trade until `stopped`. `reached` is called at the points where a kill is told apart.

    Raises:
        Unreachable: Kafka, Postgres or the venue does not answer (any more).
        OrderRefused: the venue holds something else than the account.
    """
    create_tables(settings.dsn())
    with ExitStack() as stack:
        journal = stack.enter_context(closing(Journal(settings.dsn())))
        books = opened(journal)
        publisher = stack.enter_context(
            Publisher(settings.bootstrap, journal=journal, conn=books.conn, reached=reached)
        )
        desk = Desk(
            journal, broker=broker(journal), forecasts=forecasts, reached=reached,
            teller=_teller(settings, books.conn), halt_file=settings.home / HALT_FILE,
        )  # fmt: skip
        start = Account(quote=settings.trader.start_quote)
        desk.open_account(books, parameters=parameters(settings), start=start)
        publisher.flush()
        consumer = stack.enter_context(closing(
            Consumer(settings.bootstrap, topics=[SIGNALS, BOOK], positions=books.positions)
        ))  # fmt: skip
        log.info(_ready(settings, books.conn))
        market = _market(settings)
        while not stopped():
            forecasts.refresh()
            for record in consumer.poll(POLL_S):
                market.take(record)
            while not stopped() and (found := market.next(consumer.positions)):
                desk.on_signal(*found, market.resume_at(consumer.positions))
                publisher.flush()


def _ready(settings: Settings, account: str) -> str:
    return event("trader ready", broker=settings.trader.broker, rule=RULE, account=account)


def _teller(settings: Settings, conn: str) -> Teller:
    return Teller(venue=settings.trader.venue, symbol=settings.trader.symbol, conn=conn)


def _market(settings: Settings) -> Market:
    return Market(
        venue=settings.trader.venue, symbol=settings.trader.symbol,
        ends=lambda: {at: end for at, (_, end) in offsets(settings.bootstrap, [BOOK]).items()},
    )  # fmt: skip

"""One session: open the journal, go on where it stops, decide on every signal, tell Kafka.

Whatever fails, the next session starts from the journal, in this process or in another one.
If the process dies before a commit, the signal is decided again, with the same ids; after it, the
outbox is sent; after the send, the topics' tails say which outbox rows Kafka has.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import NamedTuple

from include.bus import Consumer, TopicPartition, offset_ranges
from include.log import event
from include.serving.journal import Journal
from include.serving.tables import create_tables
from include.settings import Settings
from include.trading.account import Account
from streaming.trader.book_keeping import Books, Teller, opened
from streaming.trader.brokers import Broker
from streaming.trader.desk import Desk, Reached, nothing
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.liveness import LEDGER, Liveness, without_ledger
from streaming.trader.market import BOOK, SIGNALS, Follower
from streaming.trader.outbox import Publisher
from streaming.trader.parameters import parameters, rule_of
from streaming.trader.rehearsal import follower_of

log = logging.getLogger("tickhouse.trader")
HALT_FILE = "trader.halt"
POLL_S = 0.25
TOPICS = (SIGNALS, BOOK, LEDGER)


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
        liveness = Liveness(settings)
        desk = Desk(
            journal,
            broker=broker(journal),
            forecasts=forecasts,
            reached=reached,
            teller=_teller(settings, books.conn),
            halt_file=settings.home / HALT_FILE,
            blocks=liveness.blocks,
        )
        _open(desk, books, settings)
        publisher.flush()
        log.info(_ready(settings, books.conn))
        consumer = stack.enter_context(
            closing(Consumer(settings.bootstrap, topics=TOPICS, offsets=books.positions))
        )
        _follow(
            settings,
            consumer,
            books=books,
            liveness=liveness,
            stopped=stopped,
            on=_Duties(desk, publisher, forecasts),
        )


class _Duties(NamedTuple):
    """Who decides, who tells, who looks for a newer forecast."""

    desk: Desk
    publisher: Publisher
    forecasts: ForecastWatch


def _follow(
    settings: Settings,
    consumer: Consumer,
    *,
    books: Books,
    liveness: Liveness,
    stopped: Callable[[], bool],
    on: _Duties,
) -> None:
    """Take in what comes and decide on every signal that is complete, until `stopped`."""
    market = _market(settings, books.last_window)
    gaps_known = _ends(settings, LEDGER)
    while not stopped():
        on.forecasts.refresh()
        for record in consumer.poll(POLL_S):
            market.take(record)
            liveness.take(record)
        there = consumer.offsets
        if any(there[at] < end for at, end in gaps_known.items()):
            continue  # not before it is known which gaps are open
        while not stopped() and (found := market.next(there)):
            on.desk.on_signal(*found, without_ledger(market.resume_at(there)))
            on.publisher.flush()


def _open(desk: Desk, books: Books, settings: Settings) -> None:
    start = Account(quote=settings.trader.start_quote)
    desk.open_account(books, parameters=parameters(settings), start=start, rule=rule_of(settings))


def _ready(settings: Settings, account: str) -> str:
    return event(
        "trader ready", broker=settings.trader.broker, rule=rule_of(settings), account=account
    )


def _teller(settings: Settings, conn: str) -> Teller:
    return Teller(venue=settings.trader.venue, symbol=settings.trader.symbol, conn=conn)


def _market(settings: Settings, last_window: int) -> Follower:
    return follower_of(
        settings,
        lambda: _ends(settings, BOOK),
        last_window=last_window,
    )


def _ends(settings: Settings, topic: str) -> dict[TopicPartition, int]:
    """How far a topic reaches now."""
    return {at: end for at, (_, end) in offset_ranges(settings.bootstrap, [topic]).items()}

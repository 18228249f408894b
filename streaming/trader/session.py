"""A session: open the journal, go on where it stops, decide on every signal, send to Kafka.

Whatever fails, the next session starts from the journal, in this process or in another one.
If the process dies before a commit, the signal is decided again, with the same ids; after it, the
outbox is sent; after the send, the topics' tails show which outbox rows Kafka has.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial

from include.bus import Consumer, GroupPositions, TopicPartition, offset_ranges
from include.lake.watermarks import landed_offsets
from include.log import event
from include.market.wire import Topic
from include.serving.journal import Journal
from include.serving.tables import create_tables
from streaming.trader.brokers import Broker
from streaming.trader.config import TraderConfig
from streaming.trader.desk import Desk
from streaming.trader.followers import Follower
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.kill_points import KillPoints, NoKillPoints
from streaming.trader.outbox import Publisher
from streaming.trader.rebuild import rebuild_journal
from streaming.trader.trader_state import TraderState, load_state
from streaming.trader.vetoes import Vetoes, exclude_ledger

log = logging.getLogger("tickhouse.trader")
POLL_S = 0.25
TOPICS = (Topic.SIGNALS, Topic.BOOK, Topic.LEDGER)
# Of the ledger all is read: it has the open gaps of before a topic got more partitions too.
OF_ONE_SYMBOL = (Topic.SIGNALS, Topic.BOOK)


class Session:
    """The running trader: built once, and run again after an outage.

    `is_settled`: since the last start it has decided on every signal that was complete.
    """

    def __init__(
        self,
        config: TraderConfig,
        *,
        open_broker: Callable[[Journal], Broker],
        forecasts: ForecastWatch,
        kill_points: KillPoints | None = None,
    ) -> None:
        """`open_broker` gives the broker of a session from its journal."""
        self._config, self._open_broker = config, open_broker
        self._forecasts, self._kill_points = forecasts, kill_points or NoKillPoints()
        self.is_settled = False

    def run(self, stopped: Callable[[], bool]) -> None:
        """Trade until `stopped`.

        Raises:
            Unreachable: Kafka, Postgres or the venue does not answer (any more).
            OrderRefused: the venue holds something else than the account.
        """
        config, self.is_settled = self._config, False
        create_tables(config.dsn)
        with ExitStack() as stack:
            journal = stack.enter_context(closing(Journal(config.dsn)))
            rebuild_journal(journal, config)
            state, vetoes = load_state(journal), Vetoes(config)
            publisher = stack.enter_context(
                Publisher(
                    config.bootstrap,
                    journal=journal,
                    conn=state.conn,
                    kill_points=self._kill_points,
                    read_next_offsets=partial(landed_offsets, config.lake),
                )
            )
            desk = self._make_desk(journal, state, vetoes)
            desk.open_account()
            publisher.flush()
            ready = event(
                "trader ready", broker=config.broker, rule=config.rule, account=state.conn
            )
            log.info(ready)
            consumer = stack.enter_context(closing(self._open_consumer(state)))
            positions = stack.enter_context(self._open_positions())
            read_ends = partial(self._end_offsets, Topic.BOOK, consumer)
            follower = config.follower(read_ends, last_window=state.last_window)
            self._follow(
                consumer,
                follower=follower,
                vetoes=vetoes,
                desk=desk,
                publisher=publisher,
                positions=positions,
                stopped=stopped,
            )

    def _follow(
        self,
        consumer: Consumer,
        *,
        follower: Follower,
        vetoes: Vetoes,
        desk: Desk,
        publisher: Publisher,
        positions: GroupPositions,
        stopped: Callable[[], bool],
    ) -> None:
        """Take records in and decide on every signal that is complete, until `stopped`."""
        ledger_ends = self._end_offsets(Topic.LEDGER, consumer)
        while not stopped():
            self._forecasts.refresh()
            for record in consumer.poll(POLL_S):
                follower.take(record)
                vetoes.take(record)
            read = consumer.offsets
            positions.show(read)
            if any(read[partition] < end for partition, end in ledger_ends.items()):
                continue  # not before it is known which gaps are open
            while not stopped() and (moment := follower.next(read)):
                desk.on_signal(moment, exclude_ledger(follower.resume_at(read)))
                publisher.flush()
            self.is_settled = True

    def _make_desk(self, journal: Journal, state: TraderState, vetoes: Vetoes) -> Desk:
        return Desk(
            self._config,
            journal=journal,
            state=state,
            broker=self._open_broker(journal),
            forecasts=self._forecasts,
            vetoes=vetoes,
            kill_points=self._kill_points,
        )

    def _open_consumer(self, state: TraderState) -> Consumer:
        return Consumer(
            self._config.bootstrap,
            topics=TOPICS,
            offsets=state.offsets,
            keys=dict.fromkeys(OF_ONE_SYMBOL, self._config.keys),
        )

    def _open_positions(self) -> AbstractContextManager[GroupPositions]:
        config = self._config
        return closing(GroupPositions(config.bootstrap, world=config.world, reader="trader"))

    def _end_offsets(self, topic: str, consumer: Consumer) -> dict[TopicPartition, int]:
        """How far what is read of a topic reaches now."""
        reach, read = offset_ranges(self._config.bootstrap, [topic]), consumer.offsets
        return {partition: end for partition, (_, end) in reach.items() if partition in read}

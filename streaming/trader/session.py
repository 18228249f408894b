"""A session: open the journal, go on where it stops, decide on every signal, send to Kafka.

Whatever fails, the next session starts from the journal, in this process or in another one.
If the process dies before a commit, the signal is decided again, with the same ids; after it, the
outbox is sent; after the send, the topics' tails show which outbox rows Kafka has. All accounts
have one journal, one outbox and one consumer.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial

from include.bus import Consumer, GroupPositions, TopicPartition, offset_ranges, topic_ids
from include.errors import Transient, Unreachable
from include.lake.watermarks import landed_offsets
from include.market.wire import Topic
from include.serving.journal import Journal
from include.serving.tables import create_tables
from streaming.trader.kill_points import KillPoints, NoKillPoints
from streaming.trader.outbox import Publisher
from streaming.trader.rebuild import rebuild_journal
from streaming.trader.traded_account import AccountPlan, TradedAccount

log = logging.getLogger("tickhouse.trader")
POLL_S = 0.25
TOPICS = (Topic.SIGNALS, Topic.BOOK, Topic.LEDGER)
# Of the ledger all is read: it has the open gaps of before a topic got more partitions too.
OF_ONE_SYMBOL = (Topic.SIGNALS, Topic.BOOK)


class Session:
    """The running trader: built once, and run again after an outage.

    `is_settled`: since the last start it has decided on every signal that was complete.
    """

    def __init__(self, plans: Sequence[AccountPlan], kill_points: KillPoints | None = None) -> None:
        """`kill_points` are those of what all accounts share."""
        self._plans, self._kill_points = plans, kill_points or NoKillPoints()
        self._shared = plans[0].config  # of one world: its Kafka, Postgres and lake
        self.is_settled = False

    def run(self, stopped: Callable[[], bool]) -> None:
        """Trade until `stopped`.

        Raises:
            Unreachable: Kafka, Postgres or the venue does not answer (any more).
            OrderRefused: the venue holds something else than the account, and there is no other.
        """
        shared, self.is_settled = self._shared, False
        create_tables(shared.dsn)
        with ExitStack() as stack:
            journal = stack.enter_context(closing(Journal(shared.dsn)))
            for plan in self._plans:
                rebuild_journal(journal, plan.config)
            accounts = [TradedAccount(plan, journal) for plan in self._plans]
            publisher = stack.enter_context(
                Publisher(
                    shared.bootstrap,
                    journal=journal,
                    conn=accounts[0].state.conn,
                    kill_points=self._kill_points,
                    read_next_offsets=partial(landed_offsets, shared.lake),
                )
            )
            for account in accounts:
                account.open()
            require_any(accounts)
            publisher.flush()
            consumer = stack.enter_context(closing(self._open_consumer(accounts)))
            positions = stack.enter_context(self._open_positions())
            for account in accounts:
                account.follow(consumer)
            self._follow(
                consumer,
                accounts=accounts,
                publisher=publisher,
                positions=positions,
                stopped=stopped,
            )

    def _follow(
        self,
        consumer: Consumer,
        *,
        accounts: Sequence[TradedAccount],
        publisher: Publisher,
        positions: GroupPositions,
        stopped: Callable[[], bool],
    ) -> None:
        """Take records in and decide on every signal that is complete, until `stopped`."""
        ledger_ends = self._end_offsets(Topic.LEDGER, consumer)
        while not stopped():
            for plan in self._plans:
                plan.forecasts.refresh()
            for record in consumer.poll(POLL_S):
                for account in accounts:
                    account.take(record)
            if consumer.restarted:
                names = ", ".join(f"{topic}/{part}" for topic, part in sorted(consumer.restarted))
                raise Unreachable(f"{names} of Kafka was recreated")
            read = consumer.offsets
            positions.show(read)
            if any(read[partition] < end for partition, end in ledger_ends.items()):
                continue  # not before it is known which gaps are open
            for account in accounts:
                while not stopped() and account.decide_next(read):
                    publisher.flush()
            require_any(accounts)
            self.is_settled = True

    def _open_consumer(self, accounts: Sequence[TradedAccount]) -> Consumer:
        """One for all accounts, from where the first of them goes on."""
        ranges = offset_ranges(self._shared.bootstrap, OF_ONE_SYMBOL)
        ids = topic_ids(self._shared.bootstrap, OF_ONE_SYMBOL)
        offsets: dict[TopicPartition, int] = {}
        for account in accounts:
            for partition, offset in account.begins_at(ranges, ids).items():
                offsets[partition] = min(offset, offsets.get(partition, offset))
        keys = [key for plan in self._plans for key in plan.config.keys]
        return Consumer(
            self._shared.bootstrap,
            topics=TOPICS,
            offsets=offsets,
            keys=dict.fromkeys(OF_ONE_SYMBOL, keys),
        )

    def _open_positions(self) -> AbstractContextManager[GroupPositions]:
        config = self._shared
        return closing(GroupPositions(config.bootstrap, world=config.world, reader="trader"))

    def _end_offsets(self, topic: str, consumer: Consumer) -> dict[TopicPartition, int]:
        """How far what is read of a topic reaches now."""
        reach, read = offset_ranges(self._shared.bootstrap, [topic]), consumer.offsets
        return {partition: end for partition, (_, end) in reach.items() if partition in read}


def require_any(accounts: Sequence[TradedAccount]) -> None:
    """Let a session go on that has an account which is not suspended.

    Raises:
        TickhouseError: why they all are; a fault that another try may help, if any is.
    """
    failures = [account.failure for account in accounts if account.failure]
    if len(failures) == len(accounts):
        raise next((error for error in failures if isinstance(error, Transient)), failures[0])
    for account in accounts:
        account.note_failure()

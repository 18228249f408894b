"""One account in a session: what is read for it, what it decides, and what has stopped it.

An account that fails is suspended and tried again later, from the journal; the others go on. What
it was to decide on waits meanwhile.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from include.backoff import Backoff
from include.bus import Consumer, Record, TopicPartition, offset_ranges
from include.bus.connection import partition_of_key
from include.errors import RateLimited, TickhouseError, Transient
from include.log import event
from include.market.wire import OffsetRanges, Topic
from include.serving.account_states import FAILURE, state_name
from include.serving.journal import Journal
from streaming.trader.brokers import Broker
from streaming.trader.config import TraderConfig
from streaming.trader.desk import Desk
from streaming.trader.followers import Follower, Moment
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.kill_points import SUSPENDED, KillPoints, NoKillPoints
from streaming.trader.trader_state import TraderState, load_state, start_rows
from streaming.trader.vetoes import Breaker, Vetoes, exclude_ledger

log = logging.getLogger("tickhouse.trader")
BACKOFF = Backoff(first_s=0.5, max_s=10.0)
REFUSED_S = 60.0  # what a person has to change is looked at so often


@dataclass(frozen=True)
class AccountPlan:
    """An account as the settings have it; it outlives the sessions."""

    config: TraderConfig
    open_broker: Callable[[Journal], Broker]
    forecasts: ForecastWatch
    kill_points: KillPoints = field(default_factory=NoKillPoints)
    breaker: Breaker | None = None

    @property
    def open_s(self) -> float:
        """Seconds until the breaker lets the next try through; zero: go ahead."""
        return self.breaker.open_s if self.breaker else 0.0


class TradedAccount:
    """Follower, vetoes and desk of one account, from the journal on."""

    def __init__(self, plan: AccountPlan, journal: Journal) -> None:
        """Read its state; `open` comes next, and then `follow`."""
        self.config = plan.config
        self.failure: TickhouseError | None = None
        self._plan, self._journal = plan, journal
        self._vetoes = Vetoes(plan.config)
        self.state: TraderState = load_state(journal, plan.config.account)
        self._starts, self._topic_ids = self.state.offsets, self.state.topic_ids
        self._failures, self._retry_at = 0, 0.0
        self._waiting: Moment | None = None
        self._noted = journal.state().get(self._failure_name, "")
        self._consumer: Consumer
        self._follower: Follower
        self._desk: Desk

    def begins_at(
        self, ranges: OffsetRanges, topic_ids: Mapping[str, str]
    ) -> dict[TopicPartition, int]:
        """From where its records are to be read, by what Kafka has; a new account asks for none.

        A topic that has another id than when it was read, or ends before what was read of it, was
        recreated: it is read from its beginning.
        """
        counts = Counter(topic for topic, _ in ranges)
        followed = {
            TopicPartition(topic, partition_of_key(key, count))
            for topic, count in counts.items()
            for key in self.config.keys
        }
        self._restart_topics(ranges, topic_ids)
        absent = {part: ranges[part][0] for part in followed if self._starts}
        return absent | self._starts

    def open(self) -> None:
        """Open the desk; a fault suspends the account."""
        try:
            self._open()
        except TickhouseError as error:
            self._suspend(error)

    def follow(self, consumer: Consumer) -> None:
        """Follow the signals and books that the consumer reads of this account's symbol.

        Where a new account begins is written down: another may decide, and go on, before it does.
        """
        self._consumer = consumer
        is_new = not self._starts
        if is_new:
            self._starts = exclude_ledger(self._select_followed(consumer.offsets))
        if is_new or self._topic_ids != self.state.topic_ids:
            name = self.config.account
            self._journal.commit([], state=start_rows(self._starts, self._topic_ids, name=name))
        self._follower = self.config.follower(
            partial(self._ends_of_book), last_window=self.state.last_window
        )

    def take(self, record: Record) -> None:
        """Take a record in, unless this account has it behind it."""
        if record.offset >= self._starts.get(TopicPartition(record.topic, record.partition), 0):
            self._follower.take(record)
            self._vetoes.take(record)

    def decide_next(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Decide on the next signal that is complete; false if there is none, or it failed.

        `offsets` are how far the consumer has read.
        """
        if self.failure and time.monotonic() < self._retry_at:
            return False
        try:
            if self.failure:
                self._open()
            positions = self._select_followed(offsets)
            self._waiting = self._waiting or self._follower.next(positions)
            if self._waiting is None:
                return False
            self._desk.on_signal(self._waiting, exclude_ledger(self._follower.resume_at(positions)))
        except TickhouseError as error:
            self._suspend(error)
            return False
        self._waiting, self._failures = None, 0
        return True

    def note_failure(self) -> None:
        """Write down why the account is suspended, for `status` and its alert.

        Raises:
            Unreachable: Postgres does not answer.
        """
        text = str(self.failure or "")
        if text != self._noted:
            self._journal.commit([], state={self._failure_name: text})
            self._noted = text

    @property
    def _failure_name(self) -> str:
        return state_name(self.config.account, FAILURE)

    def _open(self) -> None:
        config, plan = self.config, self._plan
        self.state = load_state(self._journal, config.account)
        self._desk = Desk(
            config,
            journal=self._journal,
            state=self.state,
            broker=plan.open_broker(self._journal),
            forecasts=plan.forecasts,
            vetoes=self._vetoes,
            kill_points=plan.kill_points,
        )
        self._desk.open_account()
        log.info(
            event(
                "trader ready",
                broker=config.broker,
                rule=config.rule,
                symbol=config.symbol,
                account=config.account,
                journal=self.state.conn,
            )
        )
        self.failure = None

    def _restart_topics(self, ranges: OffsetRanges, topic_ids: Mapping[str, str]) -> None:
        known_ids, self._topic_ids = self.state.topic_ids, dict(topic_ids)
        for part in self._starts.keys() & ranges.keys():
            first, end = ranges[part]
            known_id, topic_id = known_ids.get(part.topic), topic_ids.get(part.topic)
            is_another = known_id is not None and known_id != topic_id
            if is_another or self._starts[part] > end:
                name = f"{part.topic}/{part.partition}"
                log.warning(
                    event("topic was recreated", partition=name, read=self._starts[part], end=end)
                )
                self._starts[part] = first

    def _suspend(self, failure: TickhouseError) -> None:
        wait_s = BACKOFF.wait_s(self._failures) if isinstance(failure, Transient) else REFUSED_S
        asked_s = failure.retry_after_s if isinstance(failure, RateLimited) else 0.0
        self._retry_at = time.monotonic() + max(wait_s, asked_s, self._plan.open_s)
        self._failures += 1
        self.failure = failure
        self._plan.kill_points.reach(SUSPENDED)
        log.warning(event("account suspended", account=self.config.account, error=failure))

    def _select_followed(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Those of the partitions that this account's records lie in; what is behind it is read."""
        followed = self._consumer.partitions_of(self.config.keys) | self._starts.keys()
        return {
            partition: max(offset, self._starts.get(partition, 0))
            for partition, offset in offsets.items()
            if partition in followed
        }

    def _ends_of_book(self) -> dict[TopicPartition, int]:
        """How far what is read of market.book for this account reaches now."""
        reach = offset_ranges(self.config.bootstrap, [Topic.BOOK])
        read = self._select_followed(self._consumer.offsets)
        return {partition: end for partition, (_, end) in reach.items() if partition in read}

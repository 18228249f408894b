"""The desk: one signal to one decision, its order if any, and one commit of all of it.

A paper order is settled in the transaction of its decision. An order that leaves the process is
written down as intended first, placed, and its outcome committed; if the process dies between,
`settle_up` finds out what became of it before anything else is decided.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from include.bus import TopicPartition
from include.log import event
from include.market.events import Decision, Message, Order
from include.serving.journal import Journal
from include.trading.account import Account
from include.trading.inputs import Parameters, Place, SeenTop, Signal
from include.trading.rules import decision_id, order_of
from include.trading.terms import fitted
from include.trading.trader import Trader
from streaming.trader.book_keeping import Books, Teller, state_of
from streaming.trader.brokers import Broker, Outcome
from streaming.trader.forecasts import ForecastWatch

log = logging.getLogger("tickhouse.trader")
Reached = Callable[[str], None]


Blocks = Callable[[Signal], tuple[str, ...]]


def nothing(_point: str) -> None:
    """What happens in production at the points where the tests kill the trader."""


def unblocked(_signal: Signal) -> tuple[str, ...]:
    """Nothing from outside speaks against ordering."""
    return ()


class Desk:
    """Decides and orders; its account is always what the journal's last commit says."""

    def __init__(
        self,
        journal: Journal,
        *,
        broker: Broker,
        forecasts: ForecastWatch,
        teller: Teller,
        halt_file: Path,
        blocks: Blocks = unblocked,
        reached: Reached = nothing,
    ) -> None:
        """While `halt_file` exists or `blocks` gives reasons no order is made.

        `open_account` comes first.
        """
        self._blocks = blocks
        self._journal, self._broker, self._forecasts = journal, broker, forecasts
        self._teller, self._halt_file, self._reached = teller, halt_file, reached
        self._positions: Mapping[TopicPartition, int] = {}
        self._trader: Trader

    def open_account(
        self, books: Books, *, parameters: Parameters, start: Account, rule: str
    ) -> None:
        """Settle an order of unknown outcome, then agree with the venue on what is held.

        Raises:
            OrderRefused: the venue holds something else than the account.
            Unreachable: the venue or Postgres does not answer.
        """
        self._positions = books.positions
        parameters = fitted(parameters, self._broker.terms())
        self._trader = Trader(
            parameters, books.account or start, rule=rule, last_window=books.last_window
        )
        if books.intent:
            log.warning(event("order of unknown outcome", order_id=books.intent.order_id))
            self._finish(books.intent, self._broker.resolve(books.intent), told=[], at=None)
        self._trader.account = self._broker.reconcile(
            self._trader.account, new=books.account is None
        )
        if books.account is None:
            account = self._trader.account
            self._commit([self._teller.balances(account, order_id=None, at=None)])

    def on_signal(
        self,
        signal: Signal,
        place: Place,
        book: SeenTop | None,
        positions: Mapping[TopicPartition, int],
    ) -> None:
        """Decide on a signal unless that was done before; commit what follows.

        Raises:
            Unreachable: the venue or Postgres does not answer; the journal is as before.
        """
        self._positions = positions
        known, halt = self._journal.seen(_decision_id(signal, self._trader.rule))
        if known:
            return
        forecast, fault = self._forecasts.newest()
        halted = ("halted",) if halt or self._halt_file.exists() else ()
        blocks = (*halted, *self._blocks(signal), *self._broker.blocks())
        decision = self._trader.decide(
            signal, forecast=forecast, fault=fault, book=book, blocks=blocks, place=place
        )
        log.info(
            event(
                "decision",
                action=decision.action,
                reason=decision.reasons,
                ratio=decision.ratio,
                window_end=signal.timestamp,
            )
        )
        self._carry_out(decision, book=book, at=signal.timestamp)

    def _carry_out(self, decision: Decision, *, book: SeenTop | None, at: int) -> None:
        told = [self._teller.message("decision", (decision,), at=at)]
        order = order_of(decision, broker=self._broker.name)
        if order is None:
            self._commit(told)
            return
        if self._broker.remote:
            self._reached("before intent")
            self._commit(told, intent=order)
            self._reached("after intent")
            told = []
        outcome = self._broker.place(order, book)
        self._finish(order, outcome, told=told, at=at)

    def _finish(
        self, order: Order, outcome: Outcome, *, told: list[Message], at: int | None
    ) -> None:
        score = self._trader.settle(order, outcome.fills)
        told = [*told, self._teller.message("order", (outcome.order,), at=at)]
        if outcome.fills:
            told.append(self._teller.message("fill", outcome.fills, at=at))
            account, number = self._trader.account, order.order_id
            told.append(self._teller.balances(account, order_id=number, at=at))
        if score:
            told.append(self._teller.message("score", (score,), at=at))
        self._commit(told)

    def _commit(self, told: list[Message], *, intent: Order | None = None) -> None:
        self._reached("before commit")
        trader = self._trader
        self._journal.commit(
            told,
            state=state_of(
                trader.account,
                last_window=trader.last_window,
                positions=self._positions,
                intent=intent,
            ),
        )
        self._reached("after commit")


def _decision_id(signal: Signal, rule: str) -> str:
    return decision_id(
        rule, venue=signal.venue, symbol=signal.symbol, window_start=signal.window_start
    )

"""The desk: one signal to one decision, its order if any, and one commit of all of it.

A paper order is settled in the transaction of its decision. An order that leaves the process is
written down as intended first, placed, and its outcome committed; if the process dies between,
`open_account` finds out what became of it before anything else is decided.
"""

import logging
from collections.abc import Mapping, Sequence

from include.bus import TopicPartition
from include.log import event
from include.market.events import Decision, Message, Order
from include.serving.journal import Journal
from include.trading.decided_prices import decided_prices
from include.trading.decision import decision_id, order_for
from include.trading.inputs import SeenTop, Signal
from include.trading.instrument import add_instrument
from include.trading.reasons import Reason
from include.trading.strategy import Strategy
from streaming.trader.brokers import Broker, Outcome
from streaming.trader.config import TraderConfig
from streaming.trader.followers import Moment
from streaming.trader.forecasts import ForecastWatch
from streaming.trader.kill_points import (
    AFTER_COMMIT,
    AFTER_INTENT,
    BEFORE_COMMIT,
    BEFORE_INTENT,
    KillPoints,
    NoKillPoints,
)
from streaming.trader.rule_files import rule_failure
from streaming.trader.trader_state import MessageFactory, TraderState, state_rows
from streaming.trader.vetoes import Vetoes

log = logging.getLogger("tickhouse.trader")


class Desk:
    """Decides and orders; its account is always that of the journal's last commit."""

    def __init__(
        self,
        config: TraderConfig,
        *,
        journal: Journal,
        state: TraderState,
        broker: Broker,
        forecasts: ForecastWatch,
        vetoes: Vetoes,
        kill_points: KillPoints | None = None,
    ) -> None:
        """Go on from `state`; `open_account` comes first."""
        self._journal, self._broker, self._forecasts = journal, broker, forecasts
        self._vetoes, self._kill_points = vetoes, kill_points or NoKillPoints()
        self._messages = MessageFactory(
            venue=config.venue, symbol=config.symbol, conn=state.conn, account_name=config.account
        )
        self._config, self._state = config, state
        self._offsets: Mapping[TopicPartition, int] = state.offsets
        self._strategy: Strategy

    def open_account(self) -> None:
        """Settle an order of unknown outcome, then agree with the venue on what is held.

        Raises:
            OrderRefused: the venue holds something else than the account.
            Unreachable: the venue or Postgres does not answer.
        """
        config, state = self._config, self._state
        is_new = state.account is None
        self._strategy = Strategy(
            add_instrument(config.parameters, self._broker.instrument()),
            state.account or config.start,
            rule=config.rule,
            account_name=config.account,
            last_window=state.last_window,
            recent_prices=decided_prices(
                self._journal.priced_decisions(config.rule, config.account),
                venue=config.signal_venue,
                symbol=config.symbol,
            ),
        )
        if state.intent:
            log.warning(event("order of unknown outcome", order_id=state.intent.order_id))
            outcome = self._broker.resolve(state.intent)
            self._finish(state.intent, outcome, messages=[], window_end=None)
        account = self._strategy.account = self._broker.reconcile(
            self._strategy.account, new=is_new
        )
        if is_new:
            self._commit([self._messages.balances(account, order_id=None, window_end=None)])

    def on_signal(self, moment: Moment, offsets: Mapping[TopicPartition, int]) -> None:
        """Decide on a signal unless that was done before; commit what follows.

        `offsets` are those from which a restarted trader goes on.

        Raises:
            Unreachable: the venue or Postgres does not answer; the journal is as before.
        """
        signal, record_id, top = moment
        self._offsets = offsets
        is_decided, halt = self._journal.decision_status(
            self._id_of_decision(signal), self._config.account
        )
        if is_decided:
            return
        forecast, fault = self._forecasts.newest()
        decision = self._strategy.decide(
            signal,
            forecast=forecast,
            fault=fault,
            top=top,
            vetoes=(
                *self._vetoes.reasons(signal, journal_halt=halt),
                *self._broker.vetoes(),
            ),
            record_id=record_id,
        )
        log.info(
            event(
                "decision",
                account=self._config.account,
                action=decision.action,
                reason=decision.reasons,
                ratio=decision.ratio,
                window_end=signal.timestamp,
            )
        )
        if Reason.RULE_FAILED in decision.reasons.split(","):
            log.error(event("rule failed", rule=decision.rule, error=rule_failure(decision.rule)))
        self._carry_out(decision, top=top, window_end=signal.timestamp)

    def _carry_out(self, decision: Decision, *, top: SeenTop | None, window_end: int) -> None:
        messages = [self._messages.message("decision", (decision,), window_end=window_end)]
        order = order_for(decision, broker=self._broker.name)
        if order is None:
            self._commit(messages)
            return
        if self._broker.remote:
            self._kill_points.reach(BEFORE_INTENT)
            self._commit(messages, intent=order)
            self._kill_points.reach(AFTER_INTENT)
            messages = []
        outcome = self._broker.place(order, top)
        self._finish(order, outcome, messages=messages, window_end=window_end)

    def _finish(
        self, order: Order, outcome: Outcome, *, messages: Sequence[Message], window_end: int | None
    ) -> None:
        score = self._strategy.settle(order, outcome.fills)
        message, account = self._messages.message, self._strategy.account
        messages = [*messages, message("order", (outcome.order,), window_end=window_end)]
        if outcome.fills:
            messages.append(message("fill", outcome.fills, window_end=window_end))
            messages.append(
                self._messages.balances(account, order_id=order.order_id, window_end=window_end)
            )
        if score:
            messages.append(message("score", (score,), window_end=window_end))
        self._commit(messages)

    def _commit(self, messages: Sequence[Message], *, intent: Order | None = None) -> None:
        self._kill_points.reach(BEFORE_COMMIT)
        strategy = self._strategy
        state = state_rows(
            strategy.account,
            last_window=strategy.last_window,
            offsets=self._offsets,
            intent=intent,
            name=self._config.account,
        )
        self._journal.commit(messages, state=state)
        self._kill_points.reach(AFTER_COMMIT)

    def _id_of_decision(self, signal: Signal) -> str:
        return decision_id(
            self._config.rule,
            venue=signal.venue,
            symbol=signal.symbol,
            window_start=signal.window_start,
            account_name=self._config.account,
        )

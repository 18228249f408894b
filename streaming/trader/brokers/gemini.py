"""Gemini as a broker: immediate-or-cancel orders, and the truth about those of unknown outcome.

An order is known by its client id *and* its fixed fields (client ids may repeat at Gemini). One
that had no clear answer is looked up, twice some seconds apart, and never sent again.
Source: docs.gemini.com, "Orders".
"""

import logging
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from include.clock import now_us
from include.errors import (
    OrderRefused,
    RateLimited,
    SettingsError,
    Transient,
    Unreachable,
    WireError,
)
from include.log import event
from include.market.events import Fill, Order
from include.market.numerals import ZERO
from include.market.symbols import concatenate
from include.serving.journal import Journal
from include.settings import Settings
from include.trading.account import Account
from include.trading.inputs import SeenTop
from include.trading.instrument import Instrument, parse_gemini_instrument
from include.trading.money import average_price, round_up
from include.trading.reasons import OrderReason, Reason
from streaming.trader.brokers import Outcome
from streaming.trader.brokers.gemini_rest import GeminiRest
from streaming.trader.vetoes import Breaker

log = logging.getLogger("tickhouse.trader")
LOOKUPS, LOOKUP_EVERY_S, MAX_WAIT_S = 20, 0.25, 30.0
SECOND_LOOKUP_AFTER_S = 3.0
CENT = Decimal("0.01")
MILLISECOND_US = 1000
PRODUCTION = "//api.gemini.com"


class _Execution(msgspec.Struct, frozen=True):
    """One execution as in `/v1/mytrades` and in the order's `trades`."""

    tid: int | str
    price: Decimal
    amount: Decimal
    fee_amount: Decimal
    fee_currency: str = ""


class _Reply(msgspec.Struct, frozen=True):
    """An order as Gemini reports it; `trades` is null where it leaves them out."""

    order_id: str
    symbol: str
    side: str
    original_amount: Decimal
    price: Decimal
    executed_amount: Decimal
    is_live: bool
    is_cancelled: bool
    reason: str | None = None
    timestampms: int | None = None
    trades: tuple[_Execution, ...] | None = None


class GeminiBroker:
    """Orders of one symbol on one account."""

    name = "gemini"
    remote = True

    def __init__(
        self,
        client: GeminiRest,
        *,
        symbol: str,
        breaker: Breaker | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`symbol` is BASE-QUOTE; without a breaker failures are not counted."""
        self._breaker = breaker or Breaker(failures=sys.maxsize, cool_down_s=0)
        self._client, self._symbol, self._sleep = client, symbol, sleep
        self._venue_symbol, self._is_open = concatenate(symbol).lower(), True

    def instrument(self) -> Instrument:
        """The symbol's details as the venue reports them now.

        Raises:
            Unreachable: it does not answer, or not readably.
        """
        with self._breaker.count_failures():
            body = self._client.get_public(f"/v1/symbols/details/{self._venue_symbol}")
            try:
                instrument = parse_gemini_instrument(body)
            except WireError as error:
                raise Unreachable(f"Gemini gives no details of {self._symbol}: {error}") from error
        self._is_open = instrument.is_open
        return instrument

    def vetoes(self) -> tuple[Reason, ...]:
        """The breaker's while it is open; `market_closed` if the venue takes no orders."""
        closed = None if self._is_open else Reason.MARKET_CLOSED
        return tuple(reason for reason in (self._breaker.veto(), closed) if reason)

    def place(self, order: Order, top: SeenTop | None) -> Outcome:
        """Send the order once and give what became of it.

        Raises:
            Unreachable: that cannot be known now; `resolve` has to find out.
        """
        try:
            answer = self._client.call(
                "/v1/order/new",
                client_order_id=order.order_id,
                symbol=self._venue_symbol,
                amount=f"{order.quantity:f}",
                price=f"{order.price:f}",
                side=order.side,
                type="exchange limit",
                options=["immediate-or-cancel"],
            )
        except OrderRefused as refused:
            log.warning(event("order refused", order_id=order.order_id, reason=refused.reason))
            self._breaker.count_failure(refused)
            if (reply := self._look_up(order)) is None:  # to be sure that the answer holds
                return _outcome_without_fills(order, status="refused", reason=refused.reason)
            return self._outcome(order, reply)
        except Transient as error:
            log.warning(event("order of unknown outcome", order_id=order.order_id, cause=error))
            self._breaker.count_failure(error)
            if isinstance(error, RateLimited):
                self._sleep(min(error.retry_after_s, MAX_WAIT_S))
            return self.resolve(order)
        self._breaker.count_success()
        return self._outcome(order, self._check_reply(order, [answer]))

    def resolve(self, order: Order) -> Outcome:
        """Find out what became of an order; one that twice is not found was never placed.

        Raises:
            Unreachable: Gemini does not answer, or not yet with all fills.
            OrderRefused: another order bears the same client id.
        """
        with self._breaker.count_failures():
            reply = self._look_up(order)
            if reply is None:
                self._sleep(SECOND_LOOKUP_AFTER_S)
                reply = self._look_up(order)
            if reply is None:
                return _outcome_without_fills(
                    order, status="cancelled", reason=OrderReason.NEVER_PLACED.value
                )
            return self._outcome(order, reply)

    def reconcile(self, account: Account, *, new: bool) -> Account:
        """The account with the venue's balances, which must be the journal's but for a cent.

        Raises:
            OrderRefused: they are not, or an order is open.
            Unreachable: Gemini does not answer.
        """
        with self._breaker.count_failures():
            if self._client.call("/v1/orders"):
                raise OrderRefused(OrderReason.OPEN_ORDERS.value, "the account has open orders")
            balances = self._client.call("/v1/balances")
        base, _, quote = self._symbol.partition("-")
        amounts = {row["currency"]: Decimal(str(row["amount"])) for row in balances}
        withheld = {
            row["currency"]: amounts[row["currency"]] - Decimal(str(row["available"]))
            for row in balances
            if "available" in row
        }
        actual = msgspec.structs.replace(
            account,
            base=amounts.get(base, ZERO),
            quote=amounts.get(quote, ZERO),
            base_withheld=withheld.get(base, ZERO),
            quote_withheld=withheld.get(quote, ZERO),
        )
        difference = abs(actual.quote - account.quote)
        if not new and (actual.base != account.base or difference > CENT):
            raise OrderRefused(
                OrderReason.POSITION_DIFFERS.value,
                f"Gemini holds {actual.base} {base} and {actual.quote} {quote}, the journal has "
                f"{account.base} {base} and {account.quote} {quote}",
            )
        return actual

    def _look_up(self, order: Order) -> _Reply | None:
        try:
            answer = self._client.call(
                "/v1/order/status", client_order_id=order.order_id, include_trades=True
            )
        except OrderRefused as refused:
            if refused.reason == "OrderNotFound":
                return None
            raise
        return self._check_reply(order, answer) if answer else None

    def _check_reply(self, order: Order, answer: Any) -> _Reply:
        """The one reply, if it is this order in all that cannot change."""
        try:
            replies = msgspec.convert(answer, list[_Reply])
        except msgspec.ValidationError as error:
            raise Unreachable(f"Gemini's order {order.order_id} is unreadable: {error}") from error
        fixed = [(r.symbol.lower(), r.side, r.original_amount, r.price) for r in replies]
        if fixed != [(self._venue_symbol, order.side, order.quantity, order.price)]:
            raise OrderRefused(
                OrderReason.NOT_OUR_ORDER.value, f"client id {order.order_id} is that of {fixed}"
            )
        return replies[0]

    def _outcome(self, order: Order, reply: _Reply) -> Outcome:
        """The final order with fills that add up to what was executed."""
        for _ in range(LOOKUPS):
            fills = tuple(_fill(order, trade, symbol=self._symbol) for trade in reply.trades or ())
            if not reply.is_live and _sum(fills) == reply.executed_amount:
                return _close(order, reply, fills)
            if reply.is_live:
                self._client.call("/v1/order/cancel", order_id=reply.order_id)
            if reply.trades is not None:
                self._sleep(LOOKUP_EVERY_S)
            reply = self._look_up(order) or reply
        raise Unreachable(f"the fills of order {order.order_id} do not add up yet")


def connect(settings: Settings, journal: Journal, breaker: Breaker | None = None) -> GeminiBroker:
    """The broker of the settings' account; nonces come from the journal.

    Raises:
        SettingsError: no key, or the production address without TICKHOUSE_TRADER_REAL_MONEY.
    """
    venues = settings.venues
    if not (venues.gemini.key and venues.gemini.secret):
        raise SettingsError("broker gemini needs TICKHOUSE_VENUES_GEMINI_KEY and …_GEMINI_SECRET")
    if PRODUCTION in venues.gemini.orders and settings.trader.real_money != "yes":
        raise SettingsError("orders at api.gemini.com cost money: TICKHOUSE_TRADER_REAL_MONEY=yes")
    client = GeminiRest(
        venues.gemini.orders,
        key=venues.gemini.key,
        secret=venues.gemini.secret,
        next_nonce=lambda: journal.next_nonce(now_us()),
    )
    return GeminiBroker(client, symbol=settings.trader.symbol, breaker=breaker)


def _fill(order: Order, execution: _Execution, *, symbol: str) -> Fill:
    """An execution with its fee in the currency that the venue took it in, by default the quote.

    A fee in a third currency changes neither balance, so it is logged and not booked.
    """
    base, _, quote = symbol.partition("-")
    currency = execution.fee_currency.upper() or quote
    if currency not in {base, quote}:
        log.warning(event("fee not booked", currency=currency, amount=execution.fee_amount))
    return Fill(
        fill_id=str(execution.tid),
        order_id=order.order_id,
        side=order.side,
        price=execution.price,
        quantity=execution.amount,
        fee=round_up(execution.fee_amount) if currency == quote else ZERO,
        base_fee=execution.fee_amount if currency == base else None,
        account=order.account,
    )


def _sum(fills: tuple[Fill, ...]) -> Decimal:
    return sum((fill.quantity for fill in fills), ZERO)


def _close(order: Order, reply: _Reply, fills: tuple[Fill, ...]) -> Outcome:
    executed = reply.executed_amount
    status = "cancelled" if not executed else "partial" if reply.is_cancelled else "filled"
    closed = msgspec.structs.replace(
        order,
        executed=executed,
        status=status,
        reason=reply.reason,
        average_price=average_price((fill.price, fill.quantity) for fill in fills),
        remaining=order.quantity - executed,
        venue_order_id=reply.order_id,
        ordered_at=None if reply.timestampms is None else reply.timestampms * MILLISECOND_US,
    )
    return Outcome(closed, fills)


def _outcome_without_fills(order: Order, *, status: str, reason: str) -> Outcome:
    remaining = order.quantity - order.executed
    ended = msgspec.structs.replace(order, status=status, reason=reason, remaining=remaining)
    return Outcome(ended, ())

"""Every reason why a decision makes no order or an order is not filled, with a sentence. Pure.

A decision's `reasons` are codes joined by commas, in the order in which they were checked; the
side (`buy` or `sell`) where an order is made.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self


class _Code(StrEnum):
    """A code; `sentence` is its meaning for a reader."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Self:
        """Make the member of a code, with its sentence."""
        member = str.__new__(cls, code)
        member._value_, member.sentence = code, sentence
        return member


class Reason(_Code):
    """Why a decision makes no order."""

    HALTED = "halted", "The trader was halted by hand, and not resumed since."
    GAP_OPEN = "gap_open", "The feed ledger has a hole in this symbol's data that is not healed."
    CLOCK_SKEW = "clock_skew", "The venue's clock and this machine's differ by too much."
    STREAM_LAG = "stream_lag", "The signal's window ended too long ago by the wall clock."
    BREAKER_OPEN = (
        "breaker_open",
        "The broker failed several times in a row, so orders pause.",
    )
    MARKET_CLOSED = "market_closed", "The venue takes no limit orders of this symbol now."
    SIGNAL_LATE = "signal_late", "A signal of this window or of a later one was decided before."
    FORECAST_MISSING = "forecast_missing", "No forecast of this symbol is published."
    FORECAST_DAMAGED = (
        "forecast_damaged",
        "The published forecast file does not match its manifest.",
    )
    FORECAST_FOREIGN = "forecast_foreign", "The forecast is of another symbol or another world."
    FORECAST_AHEAD = "forecast_ahead", "The forecast was trained on later data than the signal's."
    FORECAST_STALE = "forecast_stale", "The forecast was trained too long before the signal."
    FORECAST_SILENT = "forecast_silent", "The forecast gives no side for the minute in question."
    FORECAST_HOLD = "forecast_hold", "The predicted move is too small: the forecast's side is hold."
    IMBALANCE_SMALL = "imbalance_small", "The imbalance is below the threshold on both sides."
    AVERAGE_NEAR = "average_near", "The price is within its band around the suppliers' average."
    RULE_HOLDS = "rule_holds", "The user's own rule desires no side."
    RULE_FAILED = "rule_failed", "The user's own rule raised an exception, or gave no known side."
    BOOK_MISSING = "book_missing", "No best bid and ask were received by the end of the window."
    BOOK_INVALID = "book_invalid", "The order book was invalid, or empty on one side."
    BOOK_STALE = "book_stale", "The last best bid and ask are too old for the signal."
    NOTHING_TO_SELL = "nothing_to_sell", "The rule desires a sale and no base currency is held."
    ALREADY_IN = (
        "already_in",
        "The rule desires a purchase and enough of the base currency is held already.",
    )
    RATIO_MISSING = "ratio_missing", "The window has no ratio, without which nothing is bought."
    RATIO_OUT_OF_RANGE = "ratio_out_of_range", "The liquidity ratio is outside its bounds."
    EDGE_BELOW_COST = (
        "edge_below_cost",
        "The predicted rise until the side turns is less than buying and selling costs.",
    )
    SPREAD_TOO_WIDE = "spread_too_wide", "The price is too far from the mid price."
    BELOW_MINIMUM = "below_minimum", "The quantity is below the venue's minimum order."
    TOO_MANY_ORDERS = "too_many_orders", "As many orders as allowed were made within a minute."
    ORDER_TOO_LARGE = "order_too_large", "The order would cost more than one order may."
    POSITION_TOO_LARGE = "position_too_large", "The base held would be worth more than allowed."
    DAILY_LOSS = "daily_loss", "The loss of this day has reached its limit."
    MAX_DRAWDOWN = "max_drawdown", "The account is too far below its highest worth of this day."
    STOP_LOSS = "stop_loss", "The position was sold at its stop-loss; nothing more is bought today."


class OrderReason(_Code):
    """Why an order or an account was not accepted, or not filled; a venue has codes of its own."""

    NOTHING_AT_LIMIT = "nothing_at_limit", "The other side of the book offered nothing in reach."
    TOP_TOO_THIN = "top_too_thin", "The best price had too little, and no other was in reach."
    BOOK_TOO_THIN = "book_too_thin", "All levels up to the limit had less than the quantity."
    NEVER_PLACED = "never_placed", "Twice the venue did not know the order, so it was not placed."
    NOT_OUR_ORDER = "not_our_order", "The venue has another order under the same client id."
    OPEN_ORDERS = "open_orders", "The account has open orders at the start, so the trader stops."
    POSITION_DIFFERS = "position_differs", "The venue's balances are not those of the journal."


_BY_CODE = {str(reason): reason for reason in Reason}


def parse_reasons(codes: str) -> list[Reason]:
    """The reasons among the codes of a decision; sides and unknown codes are left out."""
    return [_BY_CODE[code] for code in codes.split(",") if code in _BY_CODE]


def reasons_as_markdown() -> str:
    """A table of codes and sentences for the documents."""
    return _as_markdown("no order is made because", Reason)


def order_reasons_as_markdown() -> str:
    """A Markdown table of the reasons of an order."""
    return _as_markdown("the order is not filled, or not sent, because", OrderReason)


def _as_markdown(heading: str, codes: Iterable[_Code]) -> str:
    rows = [f"| `{code}` | {code.sentence} |" for code in codes]
    return "\n".join([f"| reason | {heading} |", "|---|---|", *rows]) + "\n"

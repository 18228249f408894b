"""The parameters of the simulated Deribit's methods of orders: simulated, or refused. Pure.

Source: docs.deribit.com, API reference, "private/buy", "private/edit", "private/cancel_all".
"""

from typing import Any

from streaming.simulator import deribit_method_parameters as q
from streaming.simulator import deribit_parameters as p
from streaming.simulator.deribit_orders import KINDS, TRIGGER_KINDS
from streaming.simulator.deribit_parameters import MethodParam

TIME_IN_FORCE = ("good_til_cancelled", "good_til_day", "fill_or_kill", "immediate_or_cancel")
_LINKS = ("one_triggers_other", "one_cancels_other", "one_triggers_one_cancels_other")
_FILL_CONDITIONS = ("first_hit", "complete_fill", "incremental")


def read_linked_orders(name: str, value: Any) -> list[Any]:
    """A list of orders; a query sends it as JSON."""
    return p.read_list(name, value, of=dict, description="a list of objects")


_ADVANCED = MethodParam(
    "advanced", p.read_choice("usd", "implv"), "usd", refusal=(11038, "no_adv_for_futures")
)
_PROTECTED = MethodParam("mmp", p.read_boolean, True, refusal=q.NOT_SIMULATED, harmless=(False,))
_ICEBERG = MethodParam("display_amount", p.read_amount, 1000, refusal=q.NOT_SIMULATED)
_VALID_UNTIL = MethodParam("valid_until", p.read_whole, 4_000_000_000_000)
_FLAGS = tuple(
    MethodParam(name, p.read_boolean, False)
    for name in ("post_only", "reject_post_only", "reduce_only")
)
_TRIGGER_PRICES = (
    MethodParam("trigger_price", p.read_amount, 60000),
    MethodParam("trigger_offset", p.read_amount, 100),
)
ORDER = (
    q.NAME,
    MethodParam("amount", p.read_amount, 10),
    MethodParam("contracts", p.read_amount, 1),
    MethodParam("type", p.read_choice(*KINDS), "market"),
    MethodParam("price", p.read_amount, 60000),
    MethodParam("label", p.read_label, "test"),
    MethodParam("time_in_force", p.read_choice(*TIME_IN_FORCE), "good_til_cancelled"),
    *_FLAGS,
    *_TRIGGER_PRICES,
    MethodParam("trigger", p.read_choice("index_price", "mark_price", "last_price"), "last_price"),
    _VALID_UNTIL,
    _ADVANCED,
    _PROTECTED,
    _ICEBERG,
    MethodParam("linked_order_type", p.read_choice(*_LINKS), _LINKS[0], refusal=q.NOT_SIMULATED),
    MethodParam(
        "trigger_fill_condition",
        p.read_choice(*_FILL_CONDITIONS),
        "incremental",
        refusal=q.NOT_SIMULATED,
        harmless=("first_hit",),  # what counts without it
    ),
    MethodParam("otoco_config", read_linked_orders, [{}], refusal=q.NOT_SIMULATED, harmless=([],)),
)
ORDER_ID = MethodParam("order_id", p.read_text, "SIM-1", mandatory=True)
_CHANGES = (
    MethodParam("amount", p.read_amount, 20),
    MethodParam("contracts", p.read_amount, 2),
    MethodParam("price", p.read_amount, 60000),
    *_FLAGS,
    _TRIGGER_PRICES[0],
    _VALID_UNTIL,
    _ADVANCED,
    _PROTECTED,
)
EDIT = (ORDER_ID, *_CHANGES, _TRIGGER_PRICES[1], _ICEBERG)
EDIT_BY_LABEL = (q.LABEL, q.NAME, *_CHANGES)
CLOSE = (
    q.NAME,
    MethodParam("type", p.read_choice("limit", "market"), "market", True),
    MethodParam("price", p.read_amount, 60000),
)
LIVE_TYPE = MethodParam(
    "type",
    p.read_choice(
        "all", "limit", "trigger_all", "stop_all", "take_all", "trailing_all", *TRIGGER_KINDS
    ),
    "all",
)
_CANCEL = (
    MethodParam("detailed", p.read_boolean, False),
    MethodParam("freeze_quotes", p.read_boolean, True, refusal=q.NOT_SIMULATED, harmless=(False,)),
)
_CANCEL_TYPE = MethodParam(
    "type", p.read_choice("all", "limit", "trigger_all", "stop", "take", "trailing_stop"), "all"
)
CANCEL_ALL = _CANCEL
CANCEL_KINDS = (q.KIND, _CANCEL_TYPE, *_CANCEL)
CANCEL_BY_NAME = (
    q.NAME,
    _CANCEL_TYPE,
    *_CANCEL,
    MethodParam("include_combos", p.read_boolean, True),  # there are none
)
TRADES_BY_NAME = (q.NAME, *q.SEQ, *q.MAYBE_SPAN, q.COUNT, q.SORTING, *q.OWN_TRADES)
TRADES_BY_CURRENCY = (
    q.CURRENCY,
    q.KIND,
    *(MethodParam(name, p.read_fill_id, "user-1") for name in ("start_id", "end_id")),
    *q.MAYBE_SPAN,
    q.COUNT,
    q.SORTING,
    *q.OWN_TRADES,
)

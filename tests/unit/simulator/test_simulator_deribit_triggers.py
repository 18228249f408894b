"""The simulated Deribit's trigger orders: when they fire, what they place, and their refusals.

Prices are the ticker's own, second by second.
"""

import asyncio
from typing import Any

import ccxt.async_support as ccxt
import pytest

from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError
from streaming.simulator.deribit_limits import Credits
from streaming.simulator.deribit_rpc import Rpc
from streaming.simulator.price_path import make_paths
from tests.support.client_libraries import import_client
from tests.support.simulated_venues import SECRET, simulated_venues

NAME = "BTC-PERPETUAL"
AT = 1_750_000_000_000  # 15:06 UTC
PATH = make_paths(7)["BTC-USD"]
LETTERS = {"last_price": "T", "mark_price": "M", "index_price": "I"}
STOP = {"instrument_name": NAME, "amount": 10, "type": "stop_market", "trigger": "last_price"}


class DeribitSession:
    """One signed connection that asks at a time of its choosing."""

    def __init__(self) -> None:
        self.rpc = Rpc(PATH, "k", "s", DeribitAccount(PATH), Credits())
        self.rpc.token_until_ms, self.now_ms = AT * 2, AT

    def ask(self, method: str, **params: Any) -> Any:
        self.rpc.credits = Credits()
        return self.rpc.answer(method, params, self.now_ms)

    def code(self, method: str, **params: Any) -> tuple[int, str]:
        with pytest.raises(DeribitError) as refusal:
            self.ask(method, **params)
        return refusal.value.body["code"], refusal.value.body["message"]

    def price(self, trigger: str = "last_price") -> float:
        return float(self.ask("public/ticker", instrument_name=NAME)[trigger])

    def states(self) -> list[tuple[str, str]]:
        changes = self.rpc.account.changes
        return [(change.order["order_id"], change.order["order_state"]) for change in changes]


def on_tick(price: float) -> float:
    return round(price * 2) / 2


@pytest.mark.parametrize("trigger", LETTERS)
@pytest.mark.parametrize(
    ("side", "kind", "sign", "prefix"),
    [
        ("buy", "stop_market", 1, "SL"),
        ("sell", "stop_market", -1, "SL"),
        ("buy", "take_market", -1, "TP"),
        ("sell", "take_market", 1, "TP"),
    ],
)
def test_it_fires_in_the_first_second_at_its_price(
    side: str, kind: str, sign: int, prefix: str, trigger: str
) -> None:
    session = DeribitSession()
    level = on_tick(session.price(trigger) + sign * 40)
    more = {"type": kind, "trigger": trigger, "trigger_price": level}
    order = session.ask(f"private/{side}", **STOP | more)["order"]
    assert (order["order_state"], order["triggered"]) == ("untriggered", False)
    assert order["price"] == "market_price"
    fired_id = order["order_id"]
    assert fired_id == f"{prefix}{LETTERS[trigger]}{side[0].upper()}-1"
    while (session.price(trigger) - level) * sign < 0:
        assert session.ask("private/get_open_orders", type="trigger_all")
        session.now_ms += 1000
    assert session.ask("private/get_open_orders") == []
    assert session.states() == [
        (fired_id, "untriggered"),
        (fired_id, "triggered"),
        ("SIM-1", "filled"),
    ]
    (placed,) = session.ask("private/get_order_history_by_currency", currency="BTC")
    assert (placed["trigger_order_id"], placed["direction"]) == (fired_id, side)
    (entry,) = session.ask("private/get_trigger_order_history", currency="BTC")["entries"]
    assert (entry["order_id"], entry["order_state"]) == ("SIM-1", "triggered")
    assert (entry["timestamp"], entry["request"]) == (session.now_ms, "trigger:order")


def test_a_trailing_stop_follows_the_best_price_and_fires_behind_it() -> None:
    session, offset = DeribitSession(), 60
    more = {"type": "trailing_stop", "trigger_offset": offset}
    order = session.ask("private/sell", **STOP | more)["order"]
    prices = [session.price()]
    assert order["trigger_price"] == prices[0] - offset
    assert (order["trigger_reference_price"], order["trigger_offset"]) == (prices[0], offset)
    while prices[-1] > max(prices) - offset:
        session.now_ms += 1000
        prices.append(session.price())
    assert session.ask("private/get_open_orders") == []
    (entry,) = session.ask("private/get_trigger_order_history", currency="BTC")["entries"]
    assert entry["timestamp"] == session.now_ms
    assert entry["trigger_price"] == max(prices) - offset > order["trigger_price"]


def test_a_stop_limit_rests_at_its_price_once_fired() -> None:
    session = DeribitSession()
    level = on_tick(session.price() + 20)
    more = {"type": "stop_limit", "trigger_price": level, "price": level - 3000, "label": "mine"}
    assert session.ask("private/buy", **STOP | more)["order"]["price"] == level - 3000
    while session.price() < level:
        session.now_ms += 1000
    (order,) = session.ask("private/get_open_orders_by_label", currency="BTC", label="mine")
    assert (order["order_type"], order["order_state"]) == ("limit", "open")
    assert order["trigger_order_id"] == "SLTB-1"


@pytest.mark.parametrize(
    ("method", "more", "refusal"),
    [
        ("sell", {"trigger_price": 200_000}, (10034, "trigger_price_too_high")),
        ("buy", {"trigger_price": 1000}, (10035, "trigger_price_too_low")),
        ("sell", {"trigger_price": 1000, "type": "take_market"}, (10035, "trigger_price_too_low")),
        (
            "buy",
            {"trigger_price": 200_000, "type": "take_market"},
            (10034, "trigger_price_too_high"),
        ),
        ("buy", {"trigger_price": 200_000.3}, (10044, "trigger_price_wrong_tick")),
        ("buy", {}, (-32602, "Invalid params")),
        ("buy", {"trigger_price": 200_000, "trigger": None}, (-32602, "Invalid params")),
        ("buy", {"trigger_price": 200_000, "type": "stop_limit"}, (-32602, "Invalid params")),
        ("buy", {"type": "limit", "price": 1000}, (11047, "unsupported_arg_combination")),
        ("buy", {"trigger_price": 2e5, "valid_until": AT - 1}, (13888, "timed_out")),
        ("buy", {"trigger_price": 2e5, "post_only": True}, (11055, "post_only_not_allowed")),
        ("buy", {"trigger_price": 2e5, "advanced": "usd"}, (11038, "no_adv_for_futures")),
        ("buy", {"trigger_price": 2e5, "mmp": True}, (10033, "not_implemented")),
        (
            "buy",
            {"trigger_price": 2e5, "otoco_config": [{"amount": 10}]},
            (10033, "not_implemented"),
        ),
        ("buy", {"trigger_price": 2e5, "label": "x" * 65}, (-32602, "Invalid params")),
    ],
)
def test_what_cannot_be_placed_is_refused_in_the_venues_words(
    method: str, more: dict[str, Any], refusal: tuple[int, str]
) -> None:
    session = DeribitSession()
    assert session.code(f"private/{method}", **STOP | more) == refusal
    assert session.ask("private/get_open_orders") == []


def test_it_is_changed_listed_and_cancelled_like_another_order() -> None:
    session = DeribitSession()
    far = on_tick(session.price() + 5000)
    session.ask("private/buy", **STOP | {"trigger_price": far, "label": "mine"})
    assert session.ask("private/get_order_state", order_id="SLTB-1")["trigger_price"] == far
    changed = session.ask("private/edit", order_id="SLTB-1", amount=20, trigger_price=far + 10)
    assert (changed["order"]["amount"], changed["trades"]) == (20.0, [])
    assert (changed["order"]["trigger_price"], changed["order"]["replaced"]) == (far + 10, True)
    for kind, count in {"limit": 0, "stop_all": 1, "take_all": 0, "stop_market": 1}.items():
        assert len(session.ask("private/get_open_orders", type=kind)) == count
    assert session.ask("private/cancel_all_by_currency", currency="BTC", type="take") == 0
    groups = session.ask("private/cancel_all_by_currency", currency="BTC", detailed=True)
    assert [group["type"] for group in groups] == ["stop_market"]
    (gone,) = groups[0]["result"]
    assert (gone["order_state"], gone["cancel_reason"]) == ("cancelled", "user_request")
    (entry,) = session.ask("private/get_trigger_order_history", currency="BTC")["entries"]
    assert (entry["request"], entry["order_id"]) == ("cancel", None)
    assert session.code("private/cancel", order_id="SLTB-1") == (11044, "not_open_order")


def test_only_what_reduces_the_position_is_placed_of_a_reduce_only_order() -> None:
    session = DeribitSession()
    reduce = {"instrument_name": NAME, "amount": 30, "type": "market", "reduce_only": True}
    assert session.code("private/sell", **reduce)[0] == 11030
    session.ask("private/buy", **reduce | {"reduce_only": False, "amount": 20})
    order = session.ask("private/sell", **reduce)["order"]
    assert (order["filled_amount"], order["reduce_only"]) == (20.0, True)
    assert session.ask("private/get_positions", currency="BTC") == []
    level = on_tick(session.price() + 20)
    session.ask("private/buy", **STOP | {"trigger_price": level, "reduce_only": True})
    while session.price() < level:
        session.now_ms += 1000
    (entry,) = session.ask("private/get_trigger_order_history", currency="BTC")["entries"]
    assert entry["order_state"] == "rejected:reduce_direction"


def test_an_order_for_the_day_ends_at_the_settlement() -> None:
    session = DeribitSession()
    order = {"instrument_name": NAME, "amount": 10, "type": "limit", "price": 1000}
    session.ask("private/buy", **order, time_in_force="good_til_day")
    session.now_ms = AT // 86_400_000 * 86_400_000 + 32 * 3_600_000 - 1000  # the next 08:00
    session.rpc.account._matched_until_s = session.now_ms // 1000 - 2
    assert len(session.ask("private/get_open_orders")) == 1
    session.now_ms += 1000
    assert session.ask("private/get_open_orders") == []
    gone = session.ask("private/get_order_state", order_id="SIM-1")
    assert gone["cancel_reason"] == "settlement"


async def test_typed_deribit_places_trigger_orders_and_reads_them_on_its_channel() -> None:
    client = import_client("typed_deribit").Deribit.new(client_id="account-k", client_secret=SECRET)
    async with simulated_venues() as (_, base), client:
        client.rpc_client.base_url = f"{base}/api/v2"
        client.ws_client.conn.url = f"{base.replace('http', 'ws')}/ws/api/v2"
        stream = client.streams.user.orders_by_instrument_raw(NAME)
        async with asyncio.timeout(30), stream as messages:
            level = on_tick((await client.market_data.ticker(NAME))["last_price"] + 5000)
            placed = await client.trading.buy(STOP | {"trigger_price": level})
            message = await anext(aiter(messages))
            row = message[0] if isinstance(message, list) else message
            assert row["order_id"] == placed["order"]["order_id"] == "SLTB-1"
            assert row["order_state"] == "untriggered"
            trail = STOP | {"type": "trailing_stop", "trigger_offset": 5000.0}
            assert (await client.trading.sell(trail))["order"]["order_id"] == "TSTS-2"
            assert len(await client.trading.get_open_orders(type="trigger_all")) == 2
            assert await client.trading.cancel_all() == 2
            history = await client.trading.get_trigger_order_history(currency="BTC")
            assert [row["order_state"] for row in history["entries"]] == ["cancelled"] * 2


async def test_ccxt_places_changes_and_cancels_trigger_orders() -> None:
    client = ccxt.deribit({"apiKey": "account-k", "secret": SECRET})
    async with simulated_venues() as (_, base):
        client.urls["api"] = {"rest": base}
        try:
            await client.load_markets()
            (symbol,) = client.markets
            far = on_tick((await client.fetch_ticker(symbol))["last"] - 5000)
            stop = await client.create_order(
                symbol, "market", "sell", 10, None, {"stopLossPrice": far}
            )
            assert (stop["id"], stop["status"], stop["triggerPrice"]) == ("SLTS-1", "open", far)
            trail = {"trailingAmount": 500}
            await client.create_order(symbol, "market", "sell", 10, None, trail)
            lower = {"triggerPrice": far - 500}
            changed = await client.edit_order("SLTS-1", symbol, "market", "sell", 20, None, lower)
            assert changed["amount"] == 20
            opened = await client.fetch_open_orders(symbol)
            assert [row["id"] for row in opened] == ["SLTS-1", "TSTS-2"]
            await client.cancel_all_orders(symbol)
            assert await client.fetch_open_orders(symbol) == []
        finally:
            await client.close()

"""What the simulated Deribit makes of a request's form, and of methods not simulated."""

import base64
from typing import Any

from streaming.simulator.deribit_market import INSTRUMENT
from streaming.simulator.deribit_methods import METHODS
from streaming.simulator.deribit_unsupported import UNSUPPORTED
from tests.support.simulated_deribit import post
from tests.support.simulated_venues import SECRET, simulated_venues

BASIC = "Basic " + base64.b64encode(f"account-k:{SECRET}".encode()).decode()


async def test_what_is_documented_but_not_simulated_is_refused_in_the_venues_words() -> None:
    async with simulated_venues() as (session, base):
        for name in sorted(UNSUPPORTED)[::7]:
            reply = await post(session, base, name, {}, Authorization=BASIC)
            assert reply["error"] == {"code": 10033, "message": "not_implemented"}
        reply = await post(session, base, "private/withdraw", {})
        assert reply["error"]["code"] == 13009
    assert not UNSUPPORTED & set(METHODS)


async def test_a_slash_before_a_method_and_an_empty_token_are_as_good_as_none() -> None:
    async with simulated_venues() as (session, base):
        reply = await post(session, base, "/public/get_time", {}, Authorization="Bearer ")
        assert reply["result"] > 0
        reply = await post(session, base, "/private/get_positions", {}, Authorization="Bearer ")
        assert reply["error"]["code"] == 13009


async def test_contracts_stand_for_an_amount_in_dollars_and_must_match_it() -> None:
    async with simulated_venues() as (session, base):
        order = {"instrument_name": INSTRUMENT, "type": "limit", "price": 50_000}

        async def buy(**more: int) -> Any:
            return await post(session, base, "private/buy", order | more, Authorization=BASIC)

        placed = (await buy(contracts=3))["result"]["order"]
        assert (placed["amount"], placed["contracts"]) == (30.0, 3.0)
        assert (await buy(contracts=3, amount=30))["result"]["order"]["amount"] == 30.0
        for refused, name in (
            (await buy(contracts=3, amount=40), "contracts"),
            (await buy(), "amount"),
        ):
            assert refused["error"]["data"]["param"] == name


async def test_settlements_come_in_pages_that_end() -> None:
    async with simulated_venues() as (session, base):
        name, seen = "public/get_last_settlements_by_instrument", list[int]()
        params: dict[str, Any] = {"instrument_name": INSTRUMENT, "count": 1000}
        while params.get("continuation") != "none":
            page = (await post(session, base, name, params))["result"]
            seen += [row["timestamp"] for row in page["settlements"]]
            params["continuation"] = page["continuation"]
        assert len(seen) > 1000 and seen == sorted(set(seen), reverse=True)
        assert {at % 86_400_000 for at in seen} == {8 * 3_600_000}
        only = await post(session, base, name, params | {"type": "bankruptcy"})
        assert only["result"] == {"settlements": [], "continuation": "none"}

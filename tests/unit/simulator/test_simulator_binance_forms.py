"""What the simulated Binance reads of a query and a body, and what is signed of them."""

import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from yarl import URL

from tests.support.simulated_venues import SECRET, sign_binance, simulated_venues

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
KEY = {"X-MBX-APIKEY": "account-k"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ILLEGAL, TWICE = "Illegal characters found in parameter", "Duplicate values for a parameter"


async def post(
    session: Any, base: str, *, query: str = "", body: str = "", headers: Any = FORM
) -> Any:
    url = URL(f"{base}/api/v3/order/test?{query}", encoded=True)
    async with session.post(url, data=body, headers=KEY | headers) as reply:
        return reply.status, await reply.json()


def signed(order: dict[str, str]) -> str:
    return sign_binance(order, int(time.time() * 1000))


async def test_a_parameter_of_query_and_body_is_that_of_the_query() -> None:
    async with simulated_venues() as (session, base):
        good, bad = signed(ORDER), signed(ORDER | {"symbol": "NOSUCH"})
        query, body = "symbol=BTCUSDT", "&" + good.partition("&")[2]
        assert (await post(session, base, body=good))[0] == 200
        assert (await post(session, base, query=good))[0] == 200
        assert (await post(session, base, query=query, body=body))[0] == 200
        for sent in ({"body": bad}, {"query": bad}):
            assert (await post(session, base, **sent))[1]["code"] == -1121
        url = f"{base}/api/v3/ticker/price?symbol=BTCUSDT"
        async with session.get(url, data="symbol=NOSUCH", headers=FORM) as reply:
            assert (await reply.json())["symbol"] == "BTCUSDT"


@pytest.mark.parametrize("text", ["symbol=BTCUSDT&symbol=ETHUSDT", "symbol=BTCUSDT&symbol="])
async def test_a_parameter_that_is_sent_twice_is_refused(text: str) -> None:
    async with simulated_venues() as (session, base):
        async with session.get(f"{base}/api/v3/ticker/price?{text}") as reply:
            body = await reply.json()
        assert (reply.status, body["code"]) == (400, -1101) and TWICE in body["msg"]
        status, body = await post(session, base, body=f"{text}&{signed(ORDER)}")
        assert (status, body["code"]) == (400, -1101)


@pytest.mark.parametrize("text", ["x&side=SELL", "a%41", "a b", "ü", "a=b"])
async def test_a_field_of_a_json_body_is_a_parameter_whatever_is_in_it(text: str) -> None:
    async with simulated_venues() as (session, base):
        order = ORDER | {"newClientOrderId": text, "timestamp": str(int(time.time() * 1000))}
        plain = "&".join(f"{name}={value}" for name, value in order.items())
        signature = hmac.new(SECRET.encode(), plain.encode(), hashlib.sha256).hexdigest()
        fields = order | {"signature": signature}
        json_type = {"Content-Type": "application/json"}
        status, body = await post(session, base, body=json.dumps(fields), headers=json_type)
        assert (status, body["code"]) == (400, -1100)
        assert body["msg"].startswith(f"{ILLEGAL} 'newClientOrderId'")

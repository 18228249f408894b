"""What is asked of Gemini, as its manual has it, and what each status of an answer means."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal as D
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from include.errors import OrderRefused, RateLimited, Unreachable
from include.market.events import Order
from include.setting_fields import Secret
from streaming.trader.brokers.gemini import GeminiBroker
from streaming.trader.brokers.gemini_rest import GeminiRest

ORDER = Order("c-1", "d", "gemini", "sell", D("9310.00"), D("0.00000005"), D(0), "intended")
Answer = tuple[int, dict[str, str], bytes]


class Gemini(HTTPServer):
    """Gives its answers (status, headers, body) in turn and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Requests)
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]


class Requests(BaseHTTPRequestHandler):
    server: Gemini

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        status, headers, answer = self.server.answers.pop(0)
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def gemini(*answers: Answer) -> Iterator[tuple[Gemini, GeminiRest]]:
    server, nonces = Gemini(*answers), iter(range(501, 599))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield (
            server,
            GeminiRest(
                f"http://127.0.0.1:{server.server_port}/sandbox/",
                key=Secret("account-key"),
                secret=Secret("for-tests-only"),
                next_nonce=lambda: next(nonces),
            ),
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ok(answer: Any) -> Answer:
    return 200, {}, json.dumps(answer).encode()


def refuse(status: int, **body: Any) -> Answer:
    return status, {}, json.dumps(body).encode()


def test_a_redirect_is_no_answer_and_takes_no_key_elsewhere() -> None:
    with gemini(ok({})) as (other, _):
        to_other = {"Location": f"http://127.0.0.1:{other.server_port}/"}
        with gemini((302, to_other, b"")) as (_, client), pytest.raises(Unreachable, match="302"):
            client.call("/v1/balances")
    assert other.asked == []


def test_a_private_call_has_all_in_its_headers_and_no_body() -> None:
    with gemini(ok({"amount": 1})) as (server, client):
        client.call("/v1/balances", account="primary")
    ((method, path, headers, body),) = server.asked
    assert (method, path, body) == ("POST", "/sandbox/v1/balances", b"")
    assert headers["Content-Length"] == "0"
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("text/plain", "no-cache")
    assert headers["X-Gemini-Apikey"] == "account-key"
    payload = headers["X-Gemini-Payload"]
    assert json.loads(base64.b64decode(payload)) == {
        "request": "/v1/balances",
        "nonce": 501,
        "account": "primary",
    }
    sign = hmac.new(b"for-tests-only", payload.encode(), hashlib.sha384).hexdigest()
    assert headers["X-Gemini-Signature"] == sign


def test_numbers_of_an_answer_keep_their_digits_and_a_public_call_is_not_signed() -> None:
    answers = (200, {}, b'{"price":0.10000000000000000001}'), (200, {}, b"details")
    with gemini(*answers) as (server, client):
        assert client.call("/v1/x") == {"price": D("0.10000000000000000001")}
        assert client.get_public("/v1/symbols/details/btcusd") == b"details"
    method, path, headers, _ = server.asked[1]
    assert (method, path) == ("GET", "/sandbox/v1/symbols/details/btcusd")
    assert not [name for name in headers if name.lower().startswith("x-gemini")]


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (refuse(400, reason="InvalidPrice", message="Too low"), OrderRefused, "InvalidPrice"),
        (refuse(406, error="InsufficientFunds"), OrderRefused, "InsufficientFunds"),
        (refuse(429, reason="RateLimit"), RateLimited, r"/v1/orders: 429 RateLimit"),
        (refuse(430, reason="Odd"), Unreachable, r"/v1/orders: 430 Odd"),
        (refuse(500, reason="System"), Unreachable, r"/v1/orders: 500 System"),
        (refuse(503, reason="Maintenance"), RateLimited, r"/v1/orders: 503 Maintenance"),
        (refuse(404), Unreachable, r"/v1/orders: 404 Http404"),
        ((200, {}, b"<html>"), Unreachable, r"/v1/orders: the answer is not JSON \(6 bytes\)"),
    ],
)
def test_only_a_refusal_with_a_reason_is_final(answer: Answer, error: Any, text: str) -> None:
    with gemini(answer) as (_, client), pytest.raises(error, match=text):
        client.call("/v1/orders")


def test_a_venue_that_is_not_there_is_named_by_what_was_asked() -> None:
    with gemini() as (server, client):
        port = server.server_port
    assert port
    with pytest.raises(Unreachable, match=r"^Gemini /v1/orders: no answer: URLError$"):
        client.call("/v1/orders")


def test_a_refusal_has_geminis_reason_and_its_message_apart() -> None:
    answer = refuse(400, reason="InvalidPrice", message="x" * 300)
    with gemini(answer) as (_, client), pytest.raises(OrderRefused) as refused:
        client.call("/v1/orders")
    assert refused.value.reason == "InvalidPrice"
    assert "x" * 200 in str(refused.value) and "x" * 201 not in str(refused.value)


@pytest.mark.parametrize(("header", "wait_s"), [("7", 7.0), ("soon", 1.0), ("²", 1.0), ("", 1.0)])
def test_a_busy_venue_says_how_long_to_wait(header: str, wait_s: float) -> None:
    headers = {"Retry-After": header} if header else {}
    with gemini((429, headers, b"{}")) as (_, client), pytest.raises(RateLimited) as limited:
        client.call("/v1/orders")
    assert limited.value.retry_after_s == wait_s


def test_a_nonce_that_is_refused_is_followed_by_greater_ones_three_times_in_all() -> None:
    wrong = refuse(400, reason="InvalidNonce")
    with gemini(wrong, wrong, ok([])) as (server, client):
        assert client.call("/v1/orders") == []
    payloads = [json.loads(base64.b64decode(h["X-Gemini-Payload"])) for _, _, h, _ in server.asked]
    assert [payload["nonce"] for payload in payloads] == [501, 502, 503]
    with gemini(wrong, wrong, wrong, ok([])) as (server, client):
        with pytest.raises(OrderRefused, match="InvalidNonce"):
            client.call("/v1/orders")
    assert len(server.asked) == 3


class Calls:
    """Answers each call with the next of its answers, and keeps path and fields of each."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]

    def call(self, path: str, **fields: Any) -> Any:
        self.asked.append((path, fields))
        return self.answers.pop(0)


def reply(**more: Any) -> dict[str, Any]:
    return {
        "order_id": "77",
        "symbol": "BTCUSD",
        "side": "sell",
        "original_amount": "0.00000005",
        "price": "9310",
        "executed_amount": "0",
        "is_live": False,
        "is_cancelled": True,
    } | more


def test_an_order_is_a_limit_that_takes_what_is_there_at_once() -> None:
    calls = Calls(reply())
    GeminiBroker(calls, symbol="BTC-USD").place(ORDER, None)  # type: ignore[arg-type]
    order = {
        "client_order_id": "c-1",
        "symbol": "btcusd",
        "amount": "0.00000005",
        "price": "9310.00",
        "side": "sell",
        "type": "exchange limit",
        "options": ["immediate-or-cancel"],
    }
    assert calls.asked == [("/v1/order/new", order)]


def test_an_order_that_is_still_open_is_cancelled_by_the_venues_id_and_looked_up_again() -> None:
    calls = Calls([reply(is_live=True)], {}, [reply(trades=[])])
    broker = GeminiBroker(calls, symbol="BTC-USD", sleep=lambda _: None)  # type: ignore[arg-type]
    order, fills = broker.resolve(ORDER)
    look_up = ("/v1/order/status", {"client_order_id": "c-1", "include_trades": True})
    assert calls.asked == [look_up, ("/v1/order/cancel", {"order_id": "77"}), look_up]
    assert (order.status, order.executed, fills) == ("cancelled", 0, ())

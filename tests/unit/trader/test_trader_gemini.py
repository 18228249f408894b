"""Signatures as others worked them out, and what Gemini's answers mean for an order."""

import json
from decimal import Decimal as D
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import msgspec
import pytest

from include.errors import OrderRefused, RateLimited, SettingsError, Unreachable
from include.market.events import Order
from include.setting_fields import Secret
from include.settings import load
from include.trading.account import Account, settle
from include.trading.instrument import Instrument
from streaming.trader.brokers.gemini import GeminiBroker, connect
from streaming.trader.brokers.gemini_rest import GeminiRest, sign_base64, sign_payload
from streaming.trader.vetoes import Breaker


def test_an_order_is_signed_as_openssl_does() -> None:
    """openssl dgst -sha384 -hmac SECRET-for-tests-only over the base64 of this JSON."""
    fields = {
        "request": "/v1/order/new",
        "nonce": 1700000000123,
        "client_order_id": "test-1",
        "symbol": "btcusd",
        "amount": "0.001",
        "price": "30000.00",
        "side": "buy",
        "type": "exchange limit",
        "options": ["immediate-or-cancel"],
    }
    payload, sign = sign_payload(fields, Secret("SECRET-for-tests-only"))
    assert payload == (
        "eyJyZXF1ZXN0IjoiL3YxL29yZGVyL25ldyIsIm5vbmNlIjoxNzAwMDAwMDAwMTIzLCJjbGllbnRfb3JkZXJfaWQi"
        "OiJ0ZXN0LTEiLCJzeW1ib2wiOiJidGN1c2QiLCJhbW91bnQiOiIwLjAwMSIsInByaWNlIjoiMzAwMDAuMDAiLCJz"
        "aWRlIjoiYnV5IiwidHlwZSI6ImV4Y2hhbmdlIGxpbWl0Iiwib3B0aW9ucyI6WyJpbW1lZGlhdGUtb3ItY2FuY2Vs"
        "Il19"
    )
    assert sign == (
        "d66afda5fb3442c8d0655ee775cff2e68212483c5352e88afe2cee670932172a"
        "af086c3437c97b82582d12cecd258784"
    )


def test_the_manuals_own_example_is_signed_alike() -> None:
    payload = (
        "ewogICAgInJlcXVlc3QiOiAiL3YxL29yZGVyL3N0YXR1cyIsCiAgICAibm9uY2UiOiAxMjM0NTYsCgogICAgIm9y"
        "ZGVyX2lkIjogMTg4MzQKfQo="
    )
    assert sign_base64(payload, Secret("1234abcd")) == (
        "337cc8b4ea692cfe65b4a85fcc9f042b2e3f702ac956fd098d600ab157057750"
        "17beae402be773ceee10719ff70d710f"
    )


ORDER = Order("c-1", "d", "gemini", "buy", D("9310"), D("0.5"), D(0), "intended")
TRADES = [
    {"tid": 7, "price": "9300", "amount": "0.2", "fee_amount": "7.44"},
    {"tid": 8, "price": "9310", "amount": "0.1", "fee_amount": "3.724000001"},
]


def reply(executed: str, **more: Any) -> dict[str, Any]:
    return {
        "order_id": "1",
        "symbol": "btcusd",
        "side": "buy",
        "original_amount": "0.5",
        "price": "9310.00",
        "executed_amount": executed,
        "is_live": False,
        "is_cancelled": executed != "0.5",
    } | more


class Venue:
    """Answers each call with the next of its answers; an error is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []

    def call(self, path: str, **fields: Any) -> Any:
        self.asked.append((path.rpartition("/")[2], fields))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return json.loads(json.dumps(answer))


def broker(*answers: Any) -> tuple[GeminiBroker, Venue, list[float]]:
    venue, slept = Venue(*answers), []
    return GeminiBroker(venue, symbol="BTC-USD", sleep=slept.append), venue, slept  # type: ignore[arg-type]


NOT_FOUND = OrderRefused("OrderNotFound")


def test_a_partly_filled_order_has_its_fills_and_their_fees() -> None:
    part = reply("0.3", reason="ImmediateOrCancelWouldPost", timestampms=1_790_000_000_123)
    one, venue, _ = broker(part, [part | {"trades": TRADES[:1]}], [part | {"trades": TRADES[::-1]}])
    order, fills = one.place(ORDER, None)
    assert (order.status, order.executed, order.reason) == (
        "partial",
        D("0.3"),
        "ImmediateOrCancelWouldPost",
    )
    assert (order.average_price, order.remaining) == (D("9303.33333333"), D("0.2"))
    assert (order.venue_order_id, order.ordered_at) == ("1", 1_790_000_000_123_000)
    assert [(fill.fill_id, fill.fee) for fill in fills] == [
        ("8", D("3.72400001")),
        ("7", D("7.44")),
    ]
    assert venue.asked[0][1]["amount"] == "0.5"
    assert venue.asked[1] == ("status", {"client_order_id": "c-1", "include_trades": True})


@pytest.mark.parametrize(
    ("currency", "fee", "base_fee", "quote", "base"),
    [
        ("BTC", D(0), D("0.00175"), D(950), D("0.49825")),
        ("btc", D(0), D("0.00175"), D(950), D("0.49825")),
        ("USD", D("0.00175"), None, D("949.99825"), D("0.5")),
        ("GUSD", D(0), None, D(950), D("0.5")),
    ],
)
def test_a_fee_is_booked_in_the_currency_that_it_was_taken_in(
    currency: str, fee: D, base_fee: D | None, quote: D, base: D
) -> None:
    trade = {"tid": 1, "price": "100", "amount": "0.5", "fee_amount": "0.00175"}
    trade["fee_currency"] = currency
    order = msgspec.structs.replace(ORDER, price=D(100))
    whole = reply("0.5", price="100") | {"trades": [trade]}
    done, fills = broker(whole)[0].place(order, None)
    assert [(fill.fee, fill.base_fee) for fill in fills] == [(fee, base_fee)]
    account, _ = settle(Account(quote=D(1000)), done, fills)
    assert (account.quote, account.base) == (quote, base)


class Answers(BaseHTTPRequestHandler):
    """Answers every call with the server's status and body."""

    def do_POST(self) -> None:
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()
        self.wfile.write(self.server.body)  # type: ignore[attr-defined]

    def log_message(self, *_: Any) -> None:
        return


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("body", [b"", b"<html>Not Found</html>", b"[]", b"{}"])
def test_a_refusal_without_gemini_s_reason_is_no_answer(status: int, body: bytes) -> None:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.status, server.body = status, body  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        secret, nonces = Secret("s"), iter(range(9))
        base = f"http://127.0.0.1:{server.server_port}"
        client = GeminiRest(base, key=secret, secret=secret, next_nonce=lambda: next(nonces))
        for ask in ("place", "resolve"):
            one = GeminiBroker(client, symbol="BTC-USD", sleep=lambda s: None)
            with pytest.raises(Unreachable, match=str(status)):
                one.place(ORDER, None) if ask == "place" else one.resolve(ORDER)
        server.body = b'{"result":"error","reason":"InvalidSignature"}'  # type: ignore[attr-defined]
        with pytest.raises(OrderRefused, match="InvalidSignature"):
            client.call("/v1/balances")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_order_that_met_nobody_is_cancelled() -> None:
    order, fills = broker(reply("0", reason="ImmediateOrCancelWouldPost"))[0].place(ORDER, None)
    assert (order.status, order.executed, fills) == ("cancelled", 0, ())


def test_a_refusal_is_final_once_the_order_is_not_there() -> None:
    one, venue, _ = broker(OrderRefused("InsufficientFunds"), NOT_FOUND)
    order, fills = one.place(ORDER, None)
    assert (order.status, order.reason, fills) == ("refused", "InsufficientFunds", ())
    assert [path for path, _ in venue.asked] == ["new", "status"]


def test_a_refused_order_that_the_venue_has_all_the_same_is_what_it_says() -> None:
    there = reply("0.3") | {"trades": TRADES}
    order, fills = broker(OrderRefused("System"), [there])[0].place(ORDER, None)
    assert (order.status, order.executed, len(fills)) == ("partial", D("0.3"), 2)


def test_an_order_without_an_answer_is_looked_for_twice_and_never_sent_again() -> None:
    one, venue, slept = broker(Unreachable("timeout"), NOT_FOUND, [])
    order, _ = one.place(ORDER, None)
    assert (order.status, order.reason) == ("cancelled", "never_placed")
    assert [path for path, _ in venue.asked] == ["new", "status", "status"]
    assert slept == [3.0]


def test_an_order_that_shows_up_late_is_taken() -> None:
    whole = reply("0.3") | {"trades": TRADES}
    order, fills = broker(Unreachable("timeout"), NOT_FOUND, [whole])[0].place(ORDER, None)
    assert (order.executed, len(fills)) == (D("0.3"), 2)


@pytest.mark.parametrize(
    "foreign",
    [
        [reply("0", price="9311")],
        [reply("0", side="sell")],
        [reply("0", original_amount="0.4")],
        [reply("0", symbol="ethusd")],
        [reply("0"), reply("0")],
    ],
)
def test_another_order_with_our_client_id_is_not_taken_for_ours(foreign: Any) -> None:
    with pytest.raises(OrderRefused, match="not_our_order"):
        broker(foreign)[0].resolve(ORDER)


def test_fills_that_never_add_up_are_reported_not_guessed() -> None:
    short = [reply("0.3", trades=TRADES[:1])]
    with pytest.raises(Unreachable, match="do not add up"):
        broker(*[short] * 30)[0].resolve(ORDER)


def test_a_new_account_takes_the_venues_balances() -> None:
    balances = [{"currency": "USD", "amount": "12.5"}, {"currency": "BTC", "amount": "0.1"}]
    account = broker([], balances)[0].reconcile(Account(quote=D(10_000)), new=True)
    assert account == Account(quote=D("12.5"), base=D("0.1"))
    assert broker([], [])[0].reconcile(Account(quote=D(5)), new=True) == Account(quote=D(0))
    with pytest.raises(OrderRefused, match="position_differs"):
        broker([], balances)[0].reconcile(Account(quote=D("12.5")), new=False)
    with pytest.raises(OrderRefused, match="open_orders"):
        broker([{}])[0].reconcile(Account(quote=D("12.5")), new=False)


def test_what_the_venue_withholds_is_known_and_not_available() -> None:
    balances = [
        {"currency": "USD", "amount": "12.5", "available": "2.5"},
        {"currency": "BTC", "amount": "0.1", "available": "0.1"},
    ]
    account = broker([], balances)[0].reconcile(Account(quote=D(1)), new=True)
    assert (account.quote, account.quote_available) == (D("12.5"), D("2.5"))
    assert (account.base, account.base_available) == (D("0.1"), D("0.1"))
    again = broker([], [balances[0] | {"available": "12.5"}, balances[1]])[0]
    assert again.reconcile(account, new=False).quote_available == D("12.5")


def test_production_has_to_be_asked_for_twice() -> None:
    keys = {"TICKHOUSE_VENUES_GEMINI_KEY": "k", "TICKHOUSE_VENUES_GEMINI_SECRET": "s"}
    address = {"TICKHOUSE_VENUES_GEMINI_ORDERS": "https://api.gemini.com"}
    journal: Any = None
    with pytest.raises(SettingsError, match="needs TICKHOUSE_VENUES_GEMINI_KEY"):
        connect(load({}), journal)
    with pytest.raises(SettingsError, match="cost money"):
        connect(load(keys | address), journal)
    breaker = Breaker(failures=1, cool_down_s=60)
    one = connect(load(keys), journal, breaker)
    assert (one.name, one.vetoes()) == ("gemini", ())
    breaker.count_failure("as the desk counts it too")
    assert one.vetoes() == ("breaker_open",)
    assert connect(load(keys | address | {"TICKHOUSE_TRADER_REAL_MONEY": "yes"}), journal)


def test_a_venue_that_asks_to_wait_is_given_its_time() -> None:
    one, venue, slept = broker(RateLimited("429", 7.0), [reply("0.3") | {"trades": TRADES}])
    assert one.place(ORDER, None)[0].executed == D("0.3")
    assert slept == [7.0]
    assert [path for path, _ in venue.asked] == ["new", "status"]


def test_refusals_in_a_row_open_the_breaker_and_a_taken_order_closes_it() -> None:
    clock = [0.0]
    breaker = Breaker(failures=2, cool_down_s=60, clock=lambda: clock[0])
    refused = OrderRefused("InvalidQuantity")
    venue = Venue(refused, NOT_FOUND, refused, NOT_FOUND, reply("0"), refused, NOT_FOUND)
    one = GeminiBroker(venue, symbol="BTC-USD", breaker=breaker)  # type: ignore[arg-type]
    one.place(ORDER, None)
    assert one.vetoes() == ()
    one.place(ORDER, None)
    assert one.vetoes() == ("breaker_open",)
    clock[0] = 60.0
    assert one.vetoes() == ()
    one.place(ORDER, None)
    one.place(ORDER, None)
    assert one.vetoes() == ()


class Details(Venue):
    def get_public(self, path: str) -> bytes:
        assert path == "/v1/symbols/details/btcusd"
        return bytes(self.answers.pop(0))


def test_the_venues_instrument_is_asked_for_and_a_closed_market_takes_no_orders() -> None:
    details = b'{"tick_size":1e-06,"quote_increment":0.5,"min_order_size":"0.001","status":"%s"}'
    venue = Details(details % b"open", details % b"cancel_only", b"<html>")
    one = GeminiBroker(venue, symbol="BTC-USD")  # type: ignore[arg-type]
    assert one.instrument() == Instrument(D("0.001"), D("0.000001"), D("0.5"), is_open=True)
    assert one.vetoes() == ()
    assert one.instrument().is_open is False
    assert one.vetoes() == ("market_closed",)
    with pytest.raises(Unreachable, match="gives no details of BTC-USD"):
        one.instrument()

"""Serves the simulated Binance's REST from the table of its calls, within the weight limit.

Source: binance/binance-spot-api-docs, rest-api.md (2026-07-17).
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from streaming.simulator.binance_account import BinanceAccount
from streaming.simulator.binance_call import Call
from streaming.simulator.binance_calls import CALLS
from streaming.simulator.binance_form import read_form
from streaming.simulator.binance_order_counts import count_orders
from streaming.simulator.binance_parameters import BinanceError, read_values
from streaming.simulator.binance_signing import Signing
from streaming.simulator.binance_time_unit import in_microseconds, is_microseconds
from streaming.simulator.binance_unsupported import UNSUPPORTED, refuse_unsupported
from streaming.simulator.binance_venue import BinanceVenue
from streaming.simulator.json_fields import Values, read_text
from streaming.simulator.routing import add_call

_TOO_MANY = (418, 429)


class BinanceRest:
    """Answers every address of the table; what is not in it is refused."""

    def __init__(self, venue: BinanceVenue, account: BinanceAccount, signing: Signing) -> None:
        self.venue, self.account, self.signing = venue, account, signing

    def add_to(self, app: web.Application) -> None:
        """Serve under Binance's own paths."""
        for call in CALLS:
            for path in filter(None, (call.path, call.legacy)):
                add_call(app, call.method, path, self._endpoint(call))
        for method, path, _ in UNSUPPORTED:
            if path:
                add_call(app, method, path, self._refuse_unsupported)

    async def answer(self, call: Call, values: Values) -> object:
        """The answer to valid parameters; long sums are made in a thread.

        Raises:
            BinanceError: the refusal.
        """
        self.venue.names(values)
        if not call.signed:
            return await asyncio.to_thread(call.answer, self.venue, values)
        self.account.fill_resting()
        return call.answer(self.account, values)

    def _endpoint(self, call: Call) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            try:
                uses_us = is_microseconds(request.headers.get("X-MBX-TIME-UNIT", ""))
                values = read_values(call.params, await self._texts(call, request))
                self.venue.weight.use(call.weight_of(values))
                reply = await self.answer(call, values)
            except BinanceError as error:
                return self._refusal(error)
            reply = in_microseconds(reply) if uses_us else reply
            return web.json_response(reply, headers=self._headers(call))

        return serve

    async def _texts(self, call: Call, request: web.Request) -> dict[str, str]:
        query, body = request.rel_url.raw_query_string, await read_text(request)
        form = read_form(query, body, request.content_type)
        if not call.signed:
            return form.texts
        api_key, now_ms = request.headers.get("X-MBX-APIKEY"), self.venue.clock.now_ms()
        return self.signing.check_http(form, api_key, now_ms)

    def _headers(self, call: Call) -> dict[str, str]:
        used = str(self.venue.weight.used())
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if call.name.startswith("order") and call.method == "POST":
            for count in count_orders(
                self.account.matching.orders.values(), self.venue.clock.now_ms()
            ):
                unit = f"{count['intervalNum']}{str(count['interval'])[0]}"
                headers[f"X-MBX-ORDER-COUNT-{unit}"] = str(count["count"])
        return headers

    def _refusal(self, refusal: BinanceError) -> web.Response:
        used = str(self.venue.weight.used())
        headers = {"X-MBX-USED-WEIGHT": used, "X-MBX-USED-WEIGHT-1M": used}
        if refusal.status in _TOO_MANY and used != "0":
            headers["Retry-After"] = str(self.venue.weight.retry_after_s())
        return web.json_response(refusal.body(), status=refusal.status, headers=headers)

    async def _refuse_unsupported(self, request: web.Request) -> web.Response:
        return self._refusal(refuse_unsupported(request.path))

"""Serves the simulated Gemini's REST from the table of its calls, within the limits.

Source: docs.gemini.com, "Rate limits", "Error codes".
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from streaming.simulator.gemini_account import GeminiAccount
from streaming.simulator.gemini_calls import CALLS, UNSUPPORTED, GeminiCall
from streaming.simulator.gemini_parameters import GeminiError, read_values
from streaming.simulator.gemini_public_answers import GeminiPublic
from streaming.simulator.gemini_signing import GeminiSigning
from streaming.simulator.limits import Throttle

PUBLIC_PER_MINUTE, PRIVATE_PER_MINUTE = 120, 600
_WEB_PAGE = (
    '<html><script id="currencyData">{"tradingPairs":[["BTCUSD",2,8,"0.00001",10,true]],'
    '"currencies":[["BTC","Bitcoin",1,8,0,8,8,false,null,"bitcoin"],'
    '["USD","US Dollar",1,2,0,2,2,true,"$",null]],"networks":[["bitcoin","BTC","Bitcoin"]]}'
    "</script></html>"
)


class GeminiRouter:
    """Answers every address of the table."""

    def __init__(self, venue: GeminiPublic, account: GeminiAccount, signing: GeminiSigning) -> None:
        self._venue, self._account, self._signing = venue, account, signing
        self._limits = {
            signed: Throttle(per_minute=per_minute, clock=venue.market.clock)
            for signed, per_minute in ((False, PUBLIC_PER_MINUTE), (True, PRIVATE_PER_MINUTE))
        }

    def add_to(self, app: web.Application) -> None:
        """Serve under Gemini's own paths."""
        for call in CALLS + UNSUPPORTED:
            app.router.add_route(call.method, call.path, self._endpoint(call))

    async def web_page(self, _request: web.Request) -> web.Response:
        """Serve the exchange's page, where clients read precisions."""
        return web.Response(text=_WEB_PAGE, content_type="text/html")

    def _endpoint(self, call: GeminiCall) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def serve(request: web.Request) -> web.Response:
            if refusal := await self._limits[call.signed].refusal():
                return refusal
            try:
                return web.json_response(self._answer(call, request))
            except GeminiError as refused:
                return web.json_response(refused.body(), status=refused.status)

        return serve

    def _answer(self, call: GeminiCall, request: web.Request) -> object:
        sent_values = (
            self._signing.read_payload(request.headers, request.path)
            if call.signed
            else request.query
        )
        values = read_values(call.params, {**sent_values, **request.match_info}, signed=call.signed)
        return call.answer(self._account if call.signed else self._venue, values)

"""Signed requests to the simulated Binance, over REST and the WebSocket API. Pure.

Source: binance/binance-spot-api-docs, rest-api.md and web-socket-api.md, "Request security".
"""

from dataclasses import dataclass

from include.setting_fields import Secret
from streaming.simulator.binance_form import Form
from streaming.simulator.binance_parameters import (
    BinanceError,
    read_money,
    read_whole,
    refuse_missing,
)
from streaming.simulator.signatures import is_same, sign

_WINDOW_MS, _MAX_WINDOW_MS, _AHEAD_MS = 5000, 60_000, 1000
_SIGNING = ("apiKey", "recvWindow", "timestamp", "signature")


@dataclass(frozen=True)
class Signing:
    """Checks what is signed with the account's key."""

    key: Secret
    secret: Secret

    def check_http(self, form: Form, api_key: str | None, now_ms: int) -> dict[str, str]:
        """The parameters of a signed REST request, without those of signing.

        Raises:
            BinanceError: the key, the signature or the time is wrong.
        """
        self._check_key(api_key)
        self._check(form.texts, form.signed_text, now_ms)
        return exclude_signature(form.texts)

    def check_params(self, texts: dict[str, str], now_ms: int) -> dict[str, str]:
        """The parameters of a signed WebSocket request, without those of signing.

        Raises:
            BinanceError: the key, the signature or the time is wrong.
        """
        self._check_key(texts.get("apiKey"))
        pairs = sorted(pair for pair in texts.items() if pair[0] != "signature")
        self._check(texts, "&".join(f"{name}={text}" for name, text in pairs), now_ms)
        return exclude_signature(texts)

    def _check_key(self, api_key: str | None) -> None:
        if not api_key:
            raise BinanceError(401, -2014, "API-key format invalid.")
        if not self.key or api_key != self.key.reveal():
            raise BinanceError(401, -2015, "Invalid API-key, IP, or permissions for action.")

    def _check(self, texts: dict[str, str], signed_text: str, now_ms: int) -> None:
        for name in ("signature", "timestamp"):
            if not texts.get(name):
                raise refuse_missing(name)
        expected = sign(self.secret.reveal(), signed_text, "sha256")
        if not is_same(expected, texts["signature"]):
            raise BinanceError(400, -1022, "Signature for this request is not valid.")
        window_ms = int(read_money("recvWindow", texts.get("recvWindow", str(_WINDOW_MS))))
        if window_ms > _MAX_WINDOW_MS:
            raise BinanceError(400, -1131, "recvWindow must be less than 60000.")
        late_ms = now_ms - read_whole("timestamp", texts["timestamp"])
        if late_ms < -_AHEAD_MS:
            message = "Timestamp for this request was 1000ms ahead of the server's time."
            raise BinanceError(400, -1021, message)
        if late_ms > window_ms:
            message = "Timestamp for this request is outside of the recvWindow."
            raise BinanceError(400, -1021, message)


def exclude_signature(texts: dict[str, str]) -> dict[str, str]:
    """A request's parameters without those of its signature."""
    return {name: text for name, text in texts.items() if name not in _SIGNING}

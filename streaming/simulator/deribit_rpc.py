"""One connection's requests to the simulated Deribit: log-in, heartbeat, channels, methods. Pure.

Source: docs.deribit.com, methods and error codes (to 2026-02-24).
"""

import base64
from dataclasses import dataclass, field
from typing import Any

from include.market.numerals import parse_whole
from streaming.simulator import deribit_channels
from streaming.simulator.deribit_account import DeribitAccount
from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.deribit_limits import Credits, Tokens
from streaming.simulator.deribit_methods import METHODS, Scope
from streaming.simulator.deribit_parameters import read_params
from streaming.simulator.deribit_unsupported import UNSUPPORTED
from streaming.simulator.json_fields import Fields, Values
from streaming.simulator.price_path import PricePath
from streaming.simulator.signatures import is_same, sign

TOKEN_LIFE_S = 900
_REQUEST_MS = 10_000  # a request is answered long before
_CLOCKS_APART_MS = 60_000


@dataclass
class Rpc:
    """One connection; each call takes the present time as `now_ms`.

    `fresh` are channels subscribed to since the last notification: they begin with a snapshot.
    """

    path: PricePath
    key: str
    secret: str
    account: DeribitAccount
    credits: Credits
    expires_in_s: int = TOKEN_LIFE_S
    tokens: Tokens = field(default_factory=Tokens)
    is_websocket: bool = True
    channels: list[str] = field(default_factory=list)
    fresh: set[str] = field(default_factory=set)
    heartbeat_s: float = 0.0
    tested: bool = True
    closes: bool = False  # after a log-out
    cancels_on_disconnect: bool = False
    token_until_ms: int = 0

    def answer(self, method: str, params: Fields, now_ms: int) -> object:
        """The result of a request.

        Raises:
            DeribitError: Deribit's error.
        """
        self.credits.pay(method, now_ms)
        if method in UNSUPPORTED:
            self._check_token(params, now_ms, required=method.startswith("private/"))
            raise DeribitError(10033, "not_implemented")
        if method not in METHODS:
            raise DeribitError(-32601, "Method not found")
        called = METHODS[method]
        self._check_token(params, now_ms, required=called.scope is not Scope.PUBLIC)
        if called.websocket_only and not self.is_websocket:
            raise DeribitError(10030, "must_be_websocket_request")
        values = read_params(called.params, params)
        if called.scope is Scope.ACCOUNT:
            self.account.pass_time(now_ms)
            return called.answer(self.account, values, now_ms)
        subject = self if called.of_connection else self.path
        return called.answer(subject, values, now_ms)

    def _check_token(self, params: Fields, now_ms: int, *, required: bool) -> None:
        token = params.get("access_token")
        until_ms = self.token_until_ms if token is None else self.tokens.end_ms(str(token))
        if (required or token is not None) and now_ms > until_ms:
            raise DeribitError(13009, "unauthorized", reason="invalid_token")

    def is_signed_in(self, now_ms: int) -> bool:
        """Whether this connection's token serves."""
        return now_ms <= self.token_until_ms

    def authenticate(self, values: Values, now_ms: int) -> Fields:
        """Log in, or renew a log-in."""
        kind = values["grant_type"]
        if kind == "refresh_token":
            self.tokens.use_refresh(values.get("refresh_token"))
        else:
            is_known = bool(self.key) and values.get("client_id") == self.key
            secret = values.get("client_secret", "")
            is_right = (
                self._is_signed(values)
                if kind == "client_signature"
                else is_same(self.secret, secret)
            )
            if not is_known or not is_right:
                raise DeribitError(13004, "invalid_credentials")
        self.token_until_ms = now_ms + self.expires_in_s * 1000
        access, refresh = self.tokens.issue(self.token_until_ms)
        state = {"state": values["state"]} if "state" in values else {}
        return {
            "access_token": access,
            "refresh_token": refresh,
            "expires_in": self.expires_in_s,
            "scope": values.get("scope", "connection mainaccount"),
            "token_type": "bearer",
            "enabled_features": [],
            **state,
        }

    def _is_signed(self, values: Values) -> bool:
        text = "\n".join(str(values.get(name, "")) for name in ("timestamp", "nonce", "data"))
        return is_same(sign(self.secret, text, "sha256"), values.get("signature", ""))

    def sign_in(self, header: str, signed_request: str, now_ms: int) -> None:
        """Check an HTTP request's `Authorization`: a token, key and secret, or a signature.

        `signed_request` is method, address and body in lines. What has no header, or an empty token
        in it, stays public.

        Raises:
            DeribitError: the credentials are wrong.
        """
        kind, _, credentials = header.partition(" ")
        match kind.lower():
            case "bearer" if credentials:
                self.token_until_ms = self.tokens.end_ms(credentials)
                if now_ms > self.token_until_ms:
                    raise DeribitError(13009, "unauthorized", reason="invalid_token")
            case "basic":
                self._sign_in_by_password(credentials, now_ms)
            case "deri-hmac-sha256":
                self._sign_in_by_signature(credentials, signed_request, now_ms)

    def _sign_in_by_password(self, credentials: str, now_ms: int) -> None:
        try:
            sent_pair = base64.b64decode(credentials, validate=True)
        except ValueError:
            sent_pair = b""
        pair = f"{self.key}:{self.secret}"
        if not self.key or not is_same(pair, sent_pair.decode(errors="replace")):
            raise DeribitError(13004, "invalid_credentials")
        self.token_until_ms = now_ms + _REQUEST_MS  # of this request alone

    def _sign_in_by_signature(self, credentials: str, signed_request: str, now_ms: int) -> None:
        fields = dict(pair.strip().partition("=")[::2] for pair in credentials.split(","))
        signed_at, nonce = fields.get("ts", ""), fields.get("nonce")
        text = f"{signed_at}\n{nonce}\n{signed_request}\n"
        expected = sign(self.secret, text, "sha256")
        known_key = bool(self.key) and fields.get("id") == self.key
        if not known_key or not is_same(expected, fields.get("sig", "")):
            raise DeribitError(13004, "invalid_credentials")
        signed_ms = parse_whole(signed_at)
        if signed_ms is None or abs(signed_ms - now_ms) > _CLOCKS_APART_MS:
            raise DeribitError(13004, "invalid_credentials", reason="timestamp")
        self.token_until_ms = now_ms + _REQUEST_MS  # of this request alone

    def subscribe(self, values: Values, now_ms: int) -> list[str]:
        """Subscribe to channels; those that there are."""
        channels = [name for name in values["channels"] if deribit_channels.exists(name)]
        if not self.is_signed_in(now_ms):
            if any(name.endswith(".raw") for name in channels):
                raise DeribitError(13778, "raw_subscriptions_not_available_for_unauthorized")
            if any(map(deribit_channels.is_private, channels)):
                raise DeribitError(13009, "unauthorized")
        for name in channels:
            if name not in self.channels:
                self.channels.append(name)
                self.fresh.add(name)
        return list(dict.fromkeys(channels))

    def unsubscribe(self, values: Values, _now_ms: int) -> list[str]:
        """Leave channels; those that were subscribed to."""
        names = values["channels"]
        removed_channels = [name for name in self.channels if name in names]
        self.channels = [name for name in self.channels if name not in names]
        return removed_channels

    def unsubscribe_all(self, _values: Values, _now_ms: int) -> str:
        """Leave all channels."""
        self.channels = []
        return "ok"


def refuse_request(params: Any) -> DeribitError | None:
    """The refusal of parameters that are no object; none for one."""
    return None if isinstance(params, dict) else refuse_param("params", "value must be an object")

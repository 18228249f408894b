"""The simulated Deribit's answers about a connection: log-in, heartbeat, channels. Pure."""

from typing import Any, Protocol

from streaming.simulator.deribit_answers import VERSION
from streaming.simulator.deribit_error import DeribitError, refuse_param
from streaming.simulator.deribit_parameters import read_whole
from streaming.simulator.json_fields import Fields, Values

_MIN_HEARTBEAT_S = 10


class CancelOnDisconnect(Protocol):
    """A switch: whether orders are cancelled when a connection ends."""

    cancels_on_disconnect: bool


class RpcConnection(CancelOnDisconnect, Protocol):
    """What a connection keeps."""

    heartbeat_s: float
    tested: bool
    closes: bool
    is_websocket: bool

    @property
    def account(self) -> CancelOnDisconnect:
        """The account of its key."""

    def authenticate(self, values: Values, now_ms: int) -> Fields:
        """Log in."""

    def subscribe(self, values: Values, now_ms: int) -> list[str]:
        """Subscribe."""

    def unsubscribe(self, values: Values, now_ms: int) -> list[str]:
        """Leave channels."""

    def unsubscribe_all(self, values: Values, now_ms: int) -> str:
        """Leave all channels."""


def authenticate(rpc: RpcConnection, values: Values, now_ms: int) -> Fields:
    """Log in, or renew a log-in."""
    return rpc.authenticate(values, now_ms)


def subscribe(rpc: RpcConnection, values: Values, now_ms: int) -> list[str]:
    """Subscribe to channels; those that there are."""
    return rpc.subscribe(values, now_ms)


def unsubscribe(rpc: RpcConnection, values: Values, now_ms: int) -> list[str]:
    """Leave channels; those that were subscribed to."""
    return rpc.unsubscribe(values, now_ms)


def unsubscribe_all(rpc: RpcConnection, values: Values, now_ms: int) -> str:
    """Leave all channels."""
    return rpc.unsubscribe_all(values, now_ms)


def hello(_rpc: RpcConnection, _values: Values, _now_ms: int) -> Fields:
    """The version."""
    return VERSION


def test(rpc: RpcConnection, values: Values, _now_ms: int) -> Fields:
    """The version, or an error on request; proof of life too."""
    rpc.tested = True
    if values.get("expected_result") == "exception":
        raise DeribitError(-32603, "Internal error")
    return VERSION


def set_heartbeat(rpc: RpcConnection, values: Values, _now_ms: int) -> str:
    """Ask for heartbeats."""
    rpc.heartbeat_s = float(values["interval"])
    return "ok"


def disable_heartbeat(rpc: RpcConnection, _values: Values, _now_ms: int) -> str:
    """No more heartbeats."""
    rpc.heartbeat_s = 0.0
    return "ok"


def log_out(rpc: RpcConnection, _values: Values, _now_ms: int) -> str:
    """Close the connection."""
    rpc.closes = True
    return "ok"


def cancel_on_disconnect(rpc: RpcConnection, values: Values, _now_ms: int) -> str:
    """Cancel the account's orders when this connection ends, or any."""
    _holder(rpc, values).cancels_on_disconnect = True
    return "ok"


def keep_on_disconnect(rpc: RpcConnection, values: Values, _now_ms: int) -> str:
    """Leave orders when this connection ends, or any."""
    _holder(rpc, values).cancels_on_disconnect = False
    return "ok"


def is_cancelled_on_disconnect(rpc: RpcConnection, values: Values, _now_ms: int) -> Fields:
    """Whether orders are cancelled when this connection ends, or any."""
    enabled = _holder(rpc, values).cancels_on_disconnect
    return {"scope": values.get("scope", "connection"), "enabled": enabled}


def _holder(rpc: RpcConnection, values: Values) -> CancelOnDisconnect:
    """What keeps the switch of a scope: the account, or a websocket's connection."""
    if values.get("scope") == "account":
        return rpc.account
    if not rpc.is_websocket:
        raise DeribitError(10030, "must_be_websocket_request")
    return rpc


def read_interval(name: str, value: Any) -> int:
    """Seconds between heartbeats: ten or more."""
    if isinstance(value, str) or read_whole(name, value) < _MIN_HEARTBEAT_S:
        raise refuse_param(name, "value too small")
    return read_whole(name, value)

"""Kafka's own form of a log-in: what its Java clients and brokers read (JAAS)."""

from collections.abc import Iterable

from include.settings.brokers import PLAIN, KafkaSecurity

PACKAGE = "org.apache.kafka.common.security"
MODULES = {PLAIN: f"{PACKAGE}.plain.PlainLoginModule"}
SCRAM_MODULE = f"{PACKAGE}.scram.ScramLoginModule"


def describe_login(security: KafkaSecurity, *, users: Iterable[str] = ()) -> str:
    """The value of `sasl.jaas.config`; `users` are those whom a broker takes by this password."""
    user, password = (_quote(text) for text in (security.user, security.password.reveal()))
    accepted = "".join(f" user_{name}={password}" for name in users)
    module = MODULES.get(security.mechanism, SCRAM_MODULE)
    return f"{module} required username={user} password={password}{accepted};"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

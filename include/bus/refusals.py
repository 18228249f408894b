"""Why no broker of a list can be used, and what to do: its clients keep the cause to themselves."""

import socket
import ssl
from contextlib import suppress
from typing import Any

from include.bus.client_options import librdkafka_options
from include.settings.brokers import PLAINTEXT, KafkaSecurity, security_of

REFUSAL_S, CONNECT_S = 5.0, 2.0  # how long a refused log-in and a connection are waited for


def describe_silence(bootstrap: str, failure: object) -> str:
    """Why no broker of a list answers: a certificate, a log-in or a protocol, else the failure."""
    security = security_of(bootstrap)
    servers = [server.strip() for server in bootstrap.split(",")]
    for server in servers if security.is_encrypted else ():
        if fault := find_certificate_fault(server, ca=security.ca):
            return (
                f"Kafka at {bootstrap}: the certificate of {server} is not accepted ({fault}): "
                "renew it, or correct TICKHOUSE_KAFKA_CA"
            )
    if security.protocol != PLAINTEXT and (refusal := _ask_for_refusal(bootstrap, security)):
        return f"Kafka at {bootstrap}: {refusal}"
    silence = f"Kafka at {bootstrap} does not answer: {failure!r}"
    if any(map(_is_open, servers)):
        silence += f"; is TICKHOUSE_KAFKA_SECURITY={security.protocol} what its listener speaks?"
    return silence


def find_certificate_fault(server: str, *, ca: str) -> str:
    """Why the certificate of a host:port is refused; empty if it is not, or nobody answers."""
    host = _split(server)[0]
    try:
        context = ssl.create_default_context(cafile=ca or None)
        with (
            socket.create_connection(_split(server), timeout=CONNECT_S) as connection,
            context.wrap_socket(connection, server_hostname=host),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message)
    except OSError:
        return ""


def _ask_for_refusal(bootstrap: str, security: KafkaSecurity) -> str:
    """What librdkafka reports of the log-in or of TLS, which kafka-python keeps to itself."""
    from confluent_kafka import KafkaError as RefusedError  # noqa: PLC0415 - asked in a failure alone
    from confluent_kafka import KafkaException  # noqa: PLC0415
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    refusals: list[str] = []

    def note(refusal: RefusedError) -> None:
        if refusal.code() == RefusedError._AUTHENTICATION:
            refusals.append(
                f"the log-in of {security.user!r} by {security.mechanism} is refused "
                f"({refusal.str()}): correct TICKHOUSE_KAFKA_USER, TICKHOUSE_KAFKA_PASSWORD and "
                "TICKHOUSE_KAFKA_SASL_MECHANISM"
            )
        elif refusal.code() == RefusedError._SSL:
            refusals.append(f"TLS fails ({refusal.str()}): correct TICKHOUSE_KAFKA_SECURITY")

    options: dict[str, Any] = {
        "bootstrap.servers": str(bootstrap),
        "error_cb": note,
        "log_level": 0,
    }
    client = AdminClient(options | librdkafka_options(bootstrap))
    with suppress(KafkaException):
        client.list_topics(timeout=REFUSAL_S)
    client.poll(0)
    return refusals[0] if refusals else ""


def _is_open(server: str) -> bool:
    with suppress(OSError), socket.create_connection(_split(server), timeout=CONNECT_S):
        return True
    return False


def _split(server: str) -> tuple[str, int]:
    host, _, port = server.rpartition(":")
    return host.strip("[]"), int(port)

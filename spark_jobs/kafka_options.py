"""Options of Spark's Kafka source and sink: the brokers, and the security of their listener."""

from include.settings.brokers import PLAIN, PLAINTEXT, KafkaSecurity, security_of


def kafka_options(bootstrap: str) -> dict[str, str]:
    """Options of Spark's Kafka source and sink, the addresses among them."""
    security = security_of(bootstrap)
    options = {"kafka.bootstrap.servers": str(bootstrap)}
    if security.protocol != PLAINTEXT:
        options["kafka.security.protocol"] = security.protocol
    if security.is_encrypted and security.ca:
        options |= {
            "kafka.ssl.truststore.type": "PEM",
            "kafka.ssl.truststore.location": security.ca,
        }
    if security.has_login:
        options |= {
            "kafka.sasl.mechanism": security.mechanism,
            "kafka.sasl.jaas.config": _jaas(security),
        }
    return options


def _jaas(security: KafkaSecurity) -> str:
    plain = security.mechanism == PLAIN
    package = "org.apache.kafka.common.security"
    login = f"{package}.plain.PlainLoginModule" if plain else f"{package}.scram.ScramLoginModule"
    user, password = (_quote(text) for text in (security.user, security.password.reveal()))
    return f"{login} required username={user} password={password};"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

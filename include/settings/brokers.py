"""Kafka's brokers as every client is given them: their addresses, and how they are talked to."""

from dataclasses import dataclass, field

from include.setting_fields import Secret

PLAINTEXT = "PLAINTEXT"
PROTOCOLS = (PLAINTEXT, "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class KafkaSecurity:
    """The protocol of a listener, the log-in where it wants one, and who signed its certificate.

    `ca` is the path of a PEM file; empty: the authorities that the system trusts.
    """

    protocol: str = PLAINTEXT
    mechanism: str = MECHANISMS[1]
    user: str = ""
    password: Secret = field(default=Secret(""))
    ca: str = ""

    @property
    def has_login(self) -> bool:
        """Whether the listener wants a user and a password."""
        return self.protocol.startswith("SASL")

    @property
    def is_encrypted(self) -> bool:
        """Whether the listener has a certificate."""
        return self.protocol.endswith("SSL")


class Brokers(str):
    """A host:port list of brokers that knows how they are talked to."""

    security: KafkaSecurity

    def __new__(cls, servers: str, security: KafkaSecurity = KafkaSecurity()) -> "Brokers":
        """The list with its security; plain text without any."""
        brokers = super().__new__(cls, servers)
        brokers.security = security
        return brokers


def security_of(bootstrap: str) -> KafkaSecurity:
    """How the brokers of a list are talked to: plain text where the list has nothing of it."""
    return bootstrap.security if isinstance(bootstrap, Brokers) else KafkaSecurity()


def python_options(bootstrap: str) -> dict[str, object]:
    """Options of kafka-python's clients."""
    security = security_of(bootstrap)
    options: dict[str, object] = {}
    if security.protocol != PLAINTEXT:
        options["security_protocol"] = security.protocol
    if security.is_encrypted and security.ca:
        options["ssl_cafile"] = security.ca
    if security.has_login:
        options |= {
            "sasl_mechanism": security.mechanism,
            "sasl_plain_username": security.user,
            "sasl_plain_password": security.password.reveal(),
        }
    return options


def librdkafka_options(bootstrap: str) -> dict[str, str]:
    """Options of librdkafka's clients."""
    security = security_of(bootstrap)
    options = {} if security.protocol == PLAINTEXT else {"security.protocol": security.protocol}
    if security.is_encrypted and security.ca:
        options["ssl.ca.location"] = security.ca
    if security.has_login:
        options |= {
            "sasl.mechanism": security.mechanism,
            "sasl.username": security.user,
            "sasl.password": security.password.reveal(),
        }
    return options


def spark_options(bootstrap: str) -> dict[str, str]:
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
    plain = security.mechanism == MECHANISMS[0]
    package = "org.apache.kafka.common.security"
    login = f"{package}.plain.PlainLoginModule" if plain else f"{package}.scram.ScramLoginModule"
    user, password = (_quote(text) for text in (security.user, security.password.reveal()))
    return f"{login} required username={user} password={password};"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

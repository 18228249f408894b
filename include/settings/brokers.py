"""Kafka's brokers as every client is given them: their addresses, and how they are talked to."""

from dataclasses import dataclass, field

from include.setting_fields import Secret

PLAINTEXT = "PLAINTEXT"
PROTOCOLS = (PLAINTEXT, "SSL", "SASL_PLAINTEXT", "SASL_SSL")
PLAIN, SCRAM = "PLAIN", "SCRAM-SHA-256"
MECHANISMS = (PLAIN, SCRAM, "SCRAM-SHA-512")


@dataclass(frozen=True)
class KafkaSecurity:
    """The protocol of a listener, the log-in where it wants one, and who signed its certificate.

    `ca` is the path of a PEM file; empty: the authorities that the system trusts.
    """

    protocol: str = PLAINTEXT
    mechanism: str = SCRAM
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

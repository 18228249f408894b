"""Options of Spark's Kafka source and sink: the brokers, and the security of their listener.

The authority's certificate goes along as text: executors on other machines need no file of it.
"""

from pathlib import Path

from include.bus.login import describe_login
from include.settings.brokers import PLAINTEXT, security_of


def kafka_options(bootstrap: str) -> dict[str, str]:
    """Options of Spark's Kafka source and sink, the addresses among them."""
    security = security_of(bootstrap)
    options = {"kafka.bootstrap.servers": str(bootstrap)}
    if security.protocol != PLAINTEXT:
        options["kafka.security.protocol"] = security.protocol
    if security.is_encrypted and security.ca:
        options |= {
            "kafka.ssl.truststore.type": "PEM",
            "kafka.ssl.truststore.certificates": Path(security.ca).read_text(encoding="ascii"),
        }
    if security.has_login:
        options |= {
            "kafka.sasl.mechanism": security.mechanism,
            "kafka.sasl.jaas.config": describe_login(security),
        }
    return options

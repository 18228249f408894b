"""Options that Kafka's Python clients take for the security of a listener."""

from typing import NamedTuple

from include.settings.brokers import PLAINTEXT, security_of


class _OptionNames(NamedTuple):
    """What a client calls each part of a listener's security."""

    protocol: str
    ca: str
    mechanism: str
    user: str
    password: str


_KAFKA_PYTHON = _OptionNames(
    "security_protocol",
    "ssl_cafile",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
)
_LIBRDKAFKA = _OptionNames(
    "security.protocol", "ssl.ca.location", "sasl.mechanism", "sasl.username", "sasl.password"
)


def python_options(bootstrap: str) -> dict[str, str]:
    """Options of kafka-python's clients; none for plain text."""
    return _name_options(bootstrap, _KAFKA_PYTHON)


def librdkafka_options(bootstrap: str) -> dict[str, str]:
    """Options of librdkafka's clients; none for plain text."""
    return _name_options(bootstrap, _LIBRDKAFKA)


def _name_options(bootstrap: str, option: _OptionNames) -> dict[str, str]:
    security = security_of(bootstrap)
    options = {} if security.protocol == PLAINTEXT else {option.protocol: security.protocol}
    if security.is_encrypted and security.ca:
        options[option.ca] = security.ca
    if security.has_login:
        options |= {
            option.mechanism: security.mechanism,
            option.user: security.user,
            option.password: security.password.reveal(),
        }
    return options

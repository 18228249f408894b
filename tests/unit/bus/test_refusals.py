"""Why no broker can be used: the certificate, the protocol or nobody there, with what to do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from include.bus.refusals import describe_silence, find_certificate_fault
from include.settings.brokers import Brokers, KafkaSecurity
from tests.support.secure_broker import make_authority
from tests.support.tls_server import tls_server

NOW = datetime.now(UTC)


def test_an_expired_certificate_is_named_with_the_setting(tmp_path: Path) -> None:
    with tls_server(tmp_path, signed_at=NOW - timedelta(days=500)) as (server, ca):
        brokers = Brokers(server, KafkaSecurity("SSL", ca=str(ca)))
        assert describe_silence(brokers, "silence") == (
            f"Kafka at {server}: the certificate of {server} is not accepted (certificate has "
            "expired): renew it, or correct TICKHOUSE_KAFKA_CA"
        )


def test_a_certificate_is_accepted_by_its_own_authority_alone(tmp_path: Path) -> None:
    stranger = make_authority(tmp_path / "other")
    with tls_server(tmp_path / "own", signed_at=NOW) as (server, ca):
        assert find_certificate_fault(server, ca=str(ca)) == ""
        assert "certificate" in find_certificate_fault(server, ca=str(stranger))
        assert "certificate" in find_certificate_fault(server, ca="")
    assert find_certificate_fault(server, ca=str(ca)) == ""  # nobody answers


def test_a_listener_of_another_protocol_is_told_from_one_that_is_away(tmp_path: Path) -> None:
    with tls_server(tmp_path, signed_at=NOW) as (server, _):
        sentence = describe_silence(Brokers(server), "silence")
    assert sentence == (
        f"Kafka at {server} does not answer: 'silence'; is TICKHOUSE_KAFKA_SECURITY=PLAINTEXT what "
        "its listener speaks?"
    )
    assert describe_silence(Brokers(server), "silence") == (
        f"Kafka at {server} does not answer: 'silence'"
    )

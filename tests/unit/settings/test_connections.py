"""Secrets from files, and how Kafka, Postgres and Airflow are talked to, by settings alone."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy.engine import make_url

from include.bus.client_options import librdkafka_options, python_options
from include.errors import SettingsError
from include.local.airflow import build_environment
from include.settings import load
from include.settings.env import merge_layers
from include.settings.groups import DatabaseRole
from spark_jobs.kafka_options import kafka_options
from tests.support.secure_broker import make_authority

ODD = 'p@ss/w%rd:1$"\\ü'
SASL = {
    "TICKHOUSE_KAFKA_SECURITY": "SASL_SSL",
    "TICKHOUSE_KAFKA_USER": "stream",
    "TICKHOUSE_KAFKA_PASSWORD": ODD,
    "TICKHOUSE_KAFKA_BOOTSTRAP": "a:9093,b:9093",
}


def test_every_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{ODD}\n", encoding="utf-8")
    settings = load(
        {
            "TICKHOUSE_POSTGRES_PASSWORD_FILE": str(file),
            "TICKHOUSE_VENUES_GEMINI_SECRET_FILE": str(file),
        }
    )
    assert settings.postgres.password.reveal() == ODD == settings.venues.gemini.secret.reveal()
    assert ODD not in repr(settings)


def test_of_a_secret_and_its_file_the_later_layer_wins() -> None:
    name, file_name = "TICKHOUSE_POSTGRES_PASSWORD", "TICKHOUSE_POSTGRES_PASSWORD_FILE"
    assert merge_layers({name: "generated"}, {file_name: "/run/pw"}) == {file_name: "/run/pw"}
    assert merge_layers({file_name: "/run/pw"}, {name: "mine"}) == {name: "mine"}


def test_a_secret_file_that_cannot_be_is_named(tmp_path: Path) -> None:
    name = "TICKHOUSE_POSTGRES_PASSWORD"
    with pytest.raises(SettingsError, match=f"{name}_FILE='/nowhere' cannot be read: No such file"):
        load({f"{name}_FILE": "/nowhere"})
    with pytest.raises(SettingsError, match=f"{name} and {name}_FILE are both set"):
        load({f"{name}_FILE": str(tmp_path), name: "x"})
    with pytest.raises(SettingsError, match="TICKHOUSE_TRADER_SYMBOL_FILE is not a setting"):
        load({"TICKHOUSE_TRADER_SYMBOL_FILE": "x"})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty: put the secret into it"),
        (" \n", "is empty: put the secret into it"),
        ("one\ntwo\n", "holds more than one line"),
    ],
)
@pytest.mark.parametrize("name", ["POSTGRES_STREAM_PASSWORD", "S3_SECRET_KEY", "KAFKA_PASSWORD"])
def test_a_secret_file_without_one_line_is_not_taken_for_no_secret(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    (tmp_path / "secret").write_text(content)
    with pytest.raises(SettingsError, match=f"TICKHOUSE_{name}_FILE='.*secret' {reason}"):
        load({f"TICKHOUSE_{name}_FILE": str(tmp_path / "secret")})


@pytest.mark.parametrize("name", ["KAFKA_CA", "POSTGRES_CA"])
@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"-----BEGIN"])
def test_a_file_without_a_certificate_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(SettingsError, match=f"{name}='.*ca.pem': holds no certificate"):
        load({f"TICKHOUSE_{name}": str(tmp_path / "ca.pem")})


def test_each_client_of_kafka_gets_the_log_in(tmp_path: Path) -> None:
    ca = make_authority(tmp_path)
    brokers = load(SASL | {"TICKHOUSE_KAFKA_CA": str(ca)}).bootstrap
    assert brokers == "a:9093,b:9093"
    assert python_options(brokers) == {
        "security_protocol": "SASL_SSL",
        "ssl_cafile": str(ca),
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_plain_username": "stream",
        "sasl_plain_password": ODD,
    }
    assert librdkafka_options(brokers) == {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(ca),
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "stream",
        "sasl.password": ODD,
    }
    assert kafka_options(brokers) == {
        "kafka.bootstrap.servers": "a:9093,b:9093",
        "kafka.security.protocol": "SASL_SSL",
        "kafka.ssl.truststore.type": "PEM",
        "kafka.ssl.truststore.certificates": ca.read_text(),
        "kafka.sasl.mechanism": "SCRAM-SHA-256",
        "kafka.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required "
            'username="stream" password="p@ss/w%rd:1$\\"\\\\ü";'
        ),
    }


def test_without_settings_nothing_is_asked_of_a_client() -> None:
    brokers = load({}).bootstrap
    assert python_options(brokers) == librdkafka_options(brokers) == {}
    assert kafka_options(brokers) == {"kafka.bootstrap.servers": "127.0.0.1:19092"}
    assert python_options("a:1") == {}


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"TICKHOUSE_KAFKA_SECURITY": "TLS"}, "must be one of PLAINTEXT, SSL"),
        (
            SASL | {"TICKHOUSE_KAFKA_PASSWORD": ""},
            "SASL_SSL needs TICKHOUSE_KAFKA_USER and …_PASSWORD",
        ),
        (SASL | {"TICKHOUSE_KAFKA_SASL_MECHANISM": "OAUTH"}, "must be one of PLAIN, SCRAM-SHA-256"),
        (SASL | {"TICKHOUSE_KAFKA_CA": "/nowhere.pem"}, "KAFKA_CA='/nowhere.pem': no such file"),
        ({"TICKHOUSE_POSTGRES_SSLMODE": "yes"}, "must be one of disable, allow, prefer"),
        (
            {"TICKHOUSE_POSTGRES_SSLMODE": "verify-full"},
            "verify-full needs TICKHOUSE_POSTGRES_CA",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_once(variables: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        load(variables)


def test_airflows_address_of_postgres_holds_any_password(tmp_path: Path) -> None:
    ca = make_authority(tmp_path)
    settings = load(
        {
            "TICKHOUSE_POSTGRES_USER": "tick@house",
            "TICKHOUSE_POSTGRES_PASSWORD": ODD,
            "TICKHOUSE_POSTGRES_SSLMODE": "verify-full",
            "TICKHOUSE_POSTGRES_CA": str(ca),
        }
    )
    assert (settings.dsn()["sslmode"], settings.dsn()["sslrootcert"]) == ("verify-full", str(ca))
    address = build_environment(settings)["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]
    url = make_url(address)
    assert (url.username, url.password, url.host) == ("tick@house", ODD, "127.0.0.1")
    assert url.query == {"sslmode": "verify-full", "sslrootcert": str(ca)}
    assert unquote(urlsplit(address).username or "") == "tick@house"


def test_two_roles_of_one_name_are_refused() -> None:
    with pytest.raises(SettingsError, match="POSTGRES_TRADER='a': TICKHOUSE_POSTGRES_STREAM is"):
        load({"TICKHOUSE_POSTGRES_STREAM": "a", "TICKHOUSE_POSTGRES_TRADER": "a"})
    with pytest.raises(SettingsError, match="POSTGRES_READER='o': TICKHOUSE_POSTGRES_USER is"):
        load({"TICKHOUSE_POSTGRES_USER": "o", "TICKHOUSE_POSTGRES_READER": "o"})


@pytest.mark.parametrize("role", [role for role in DatabaseRole if role != DatabaseRole.OWNER])
def test_a_role_without_a_password_is_the_owner(role: DatabaseRole) -> None:
    owner = {"TICKHOUSE_POSTGRES_PASSWORD": "owner's"}
    assert load(owner).postgres.login(role) == ("tickhouse", "owner's")
    settings = load({**owner, f"TICKHOUSE_POSTGRES_{role.upper()}_PASSWORD": "its own"})
    assert settings.postgres.login(role) == (f"tickhouse_{role}", "its own")
    assert settings.dsn()["user"] == "tickhouse"

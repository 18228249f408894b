"""What `up --cluster` sets, and the certificates and passwords that it makes."""

import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from include.errors import PlatformError, SettingsError
from include.local import kafka, rebuilding
from include.local.certificates import SERVER_LASTS, ensure_certificates
from include.local.cluster import cluster_variables
from include.local.preflight import check
from include.local.properties import write_properties
from include.local.worlds import world_variables
from include.settings import Settings, load
from spark_jobs.submission import submit_command
from tests.support.services import free_block, free_ports

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def cluster(tmp_path: Path, **more: str) -> Settings:
    """The settings of a cluster's world below a folder, as `up --cluster` makes them."""
    base = {"TICKHOUSE_VAR": str(tmp_path), **world_variables(cluster=True)}
    extra = {f"TICKHOUSE_{name}": value for name, value in more.items()}
    return load(base | cluster_variables(load(base | extra), now=NOW) | extra)


def private(path: Path) -> bool:
    return not stat.S_IMODE(path.stat().st_mode) & 0o077


def test_a_cluster_has_what_a_real_one_is_given(tmp_path: Path) -> None:
    settings = cluster(tmp_path)
    assert settings.world == "cluster"
    assert str(settings.bootstrap).count(",") == 2 and settings.bootstrap.security.is_encrypted
    assert settings.kafka.replication == 3 and settings.store.startswith("s3a://")
    assert settings.postgres.sslmode == "verify-full"
    assert settings.stream.cores >= settings.kafka.partitions + 2
    names = [node.name for node in kafka.list_nodes(settings)]
    assert names == ["kafka-1", "kafka-2", "kafka-3"]


def test_passwords_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    first, second = (cluster(tmp_path) for _ in range(2))
    for name in ("kafka.password", "s3.secret_key", "cluster.spark_secret"):
        group, field = name.split(".")
        made, again = (getattr(getattr(one, group), field) for one in (first, second))
        assert made.reveal() == again.reveal() != ""
    assert private(tmp_path / "cluster" / "cluster.env")
    # Another cluster's passwords are in `.env`, which the installation's own file would win over.
    assert not (tmp_path / "secrets.env").exists()


@pytest.mark.parametrize("other", [{"live": True}, {"tape": Path("tape")}])
def test_a_cluster_is_no_other_world(other: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="--cluster has a simulated market"):
        world_variables(cluster=True, **other)  # type: ignore[arg-type]


def test_a_busy_port_of_the_cluster_is_named(tmp_path: Path) -> None:
    first = free_block(10)
    own = {
        name: str(port)
        for name, port in zip(
            ("PORTS_POSTGRES", "PORTS_AIRFLOW", "PORTS_SPARK_UI", "PORTS_SIMULATOR"),
            free_ports(4),
            strict=True,
        )
    }
    ports = free_ports(2)
    own |= {"PORTS_SUPERVISOR": str(ports[0]), "PORTS_DASHBOARD": str(ports[1])}
    settings = cluster(tmp_path, PORTS_CLUSTER=str(first), **own)
    check(settings)
    with (
        socket.create_server(("127.0.0.1", first + 4)),
        pytest.raises(PlatformError, match=rf"busy port {first + 4} .*TICKHOUSE_PORTS_CLUSTER"),
    ):
        check(settings)


def test_the_servers_certificate_is_renewed_before_it_ends(tmp_path: Path) -> None:
    def serial(now: datetime) -> int:
        made = ensure_certificates(tmp_path, host="127.0.0.1", now=now)
        assert private(made.key) and private(made.ca_key) and private(made.server)
        return x509.load_pem_x509_certificate(made.certificate.read_bytes()).serial_number

    first = serial(NOW)
    assert serial(NOW + timedelta(days=200)) == first
    authority = (tmp_path / "ca.pem").read_bytes()
    assert serial(NOW + SERVER_LASTS - timedelta(days=10)) != first
    assert (tmp_path / "ca.pem").read_bytes() == authority


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"-----BEGIN"])
def test_a_damaged_certificate_is_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    ensure_certificates(tmp_path, host="127.0.0.1", now=NOW)
    (tmp_path / name).write_bytes(content)
    (tmp_path / "server-and-key.pem").unlink()
    with pytest.raises(PlatformError, match=f"{name} cannot be read .* move .* away"):
        ensure_certificates(tmp_path, host="127.0.0.1", now=NOW)


def test_no_list_of_processes_shows_a_secret(tmp_path: Path) -> None:
    settings = cluster(tmp_path)
    command = " ".join(submit_command(settings, "stream"))
    for secret in (settings.s3.secret_key, settings.s3.access_key, settings.cluster.spark_secret):
        assert secret.reveal() not in command
    file = settings.home / "spark" / "submit.properties"
    assert str(file) in command and private(file)
    assert settings.s3.secret_key.reveal() in file.read_text()
    for node in kafka.list_nodes(settings):
        assert settings.kafka.password.reveal() not in " ".join(kafka.build_command(settings, node))


def test_doctor_starts_the_store_of_a_cluster_that_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[list[str]] = []

    @contextmanager
    def run(command: list[str], **_: object) -> Iterator[None]:
        started.append(command)
        yield

    answers = iter([False, True, True])
    monkeypatch.setattr(rebuilding, "run_in_background", run)
    monkeypatch.setattr(rebuilding.object_store, "answers", lambda _: next(answers))
    monkeypatch.setattr(rebuilding.object_store, "build_command", lambda _: ["store"])
    settings = cluster(tmp_path)
    for _ in range(2):  # the second one finds it running
        with rebuilding.run_store(settings):
            assert started == [["store"]]
    with rebuilding.run_store(load({"TICKHOUSE_VAR": str(tmp_path)})):
        assert started == [["store"]]
    assert private(settings.home / "object-store" / "s3proxy.conf")


def test_a_secret_with_a_backslash_is_read_back_as_it_is(tmp_path: Path) -> None:
    write_properties(tmp_path / "x", {"spark.secret": "a\\b=c"})
    assert (tmp_path / "x").read_text() == "spark.secret=a\\\\b=c\n"
    assert private(tmp_path / "x")

"""Certificates of the servers that `up` starts with TLS: an authority of this world's own.

The authority lasts for years and its key never leaves the world's folder; the servers' certificate
is signed again by `up` when it is about to expire.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.atomic_files import write_file
from include.errors import PlatformError

AUTHORITY_LASTS, SERVER_LASTS = timedelta(days=3650), timedelta(days=365)
RENEWED_BEFORE = timedelta(days=30)
BACKDATED = timedelta(days=1)  # for clocks that are a little behind
PEM = serialization.Encoding.PEM
PrivateKey = ec.EllipticCurvePrivateKey
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: the authority's certificate, which clients trust, and the servers' own.

    `server` holds key and certificate together, as Kafka wants them; `certificate` and `key` are
    its parts, as Postgres does. What holds a key is readable by its owner alone.
    """

    folder: Path

    @property
    def ca(self) -> Path:
        """The authority's certificate."""
        return self.folder / "ca.pem"

    @property
    def ca_key(self) -> Path:
        """The authority's key."""
        return self.folder / "ca-key.pem"

    @property
    def certificate(self) -> Path:
        """The servers' certificate."""
        return self.folder / "server.pem"

    @property
    def key(self) -> Path:
        """The servers' key."""
        return self.folder / "server-key.pem"

    @property
    def server(self) -> Path:
        """The servers' key and certificate in one file."""
        return self.folder / "server-and-key.pem"


def ensure_certificates(folder: Path, *, host: str, now: datetime) -> Certificates:
    """The certificates of a world's servers at `host`, made or renewed where they have to be.

    Raises:
        PlatformError: a file of them is damaged.
    """
    certificates = Certificates(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not certificates.ca.exists():
        _make_authority(certificates, now)
    if not certificates.server.exists() or _is_about_to_expire(certificates, now):
        _make_server(certificates, host=host, now=now)
    return certificates


def _make_authority(certificates: Certificates, now: datetime) -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), _build_name("Tickhouse's authority")
    authority = (
        _begin(name, name, key, ends_at=now + AUTHORITY_LASTS, now=now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    write_file(certificates.ca_key, _encode_key(key), mode=0o600)
    write_file(certificates.ca, authority.public_bytes(PEM))


def _make_server(certificates: Certificates, *, host: str, now: datetime) -> None:
    authority = _read(certificates.ca, x509.load_pem_x509_certificate)
    signer = _read(certificates.ca_key, _load_key)
    key = ec.generate_private_key(ec.SECP256R1())
    addresses = [x509.DNSName("localhost"), *(_build_address(text) for text in {host, "127.0.0.1"})]
    signed = (
        _begin(_build_name("server"), authority.subject, key, ends_at=now + SERVER_LASTS, now=now)
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .sign(signer, hashes.SHA256())
    )
    certificate = signed.public_bytes(PEM)
    write_file(certificates.key, _encode_key(key), mode=0o600)
    write_file(certificates.certificate, certificate)
    write_file(certificates.server, _encode_key(key) + certificate, mode=0o600)


def _is_about_to_expire(certificates: Certificates, now: datetime) -> bool:
    certificate = _read(certificates.certificate, x509.load_pem_x509_certificate)
    return certificate.not_valid_after_utc - now < RENEWED_BEFORE


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    private_key: PrivateKey,
    *,
    ends_at: datetime,
    now: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(private_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - BACKDATED)
        .not_valid_after(ends_at.astimezone(UTC))
    )


def _build_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _build_address(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _encode_key(private_key: PrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return private_key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, plain)


def _load_key(content: bytes) -> PrivateKey:
    key = serialization.load_pem_private_key(content, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("it is no key of an elliptic curve")
    return key


def _read(path: Path, parse: Callable[[bytes], Parsed]) -> Parsed:
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PlatformError(
            f"{path} cannot be read ({error}): move {path.parent} away, and up makes new "
            "certificates"
        ) from error

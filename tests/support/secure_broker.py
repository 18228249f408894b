"""A broker that wants TLS and a log-in, with a certificate of an authority of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from include.local import kafka
from include.local.scratch import free_ports, run_in_background, wait_for
from include.settings import Settings, load

USER, PASSWORD = "stream", 'p@ss"w\\rd'
LISTENER = """\
listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL_SSL://127.0.0.1:{port}
listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=SASL_SSL
sasl.mechanism.inter.broker.protocol=PLAIN
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config={jaas}
ssl.keystore.type=PEM
ssl.keystore.location={keystore}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
"""


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Key and certificate of 127.0.0.1 in one PEM file, and the authority that signed it."""
    now = datetime.now(UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the test")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker of the test")])
    begin, end = now - timedelta(days=2), now + timedelta(days=2)

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(authority_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )

    authority = builder(authority_name, authority_key.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    addresses = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = builder(name, key.public_key()).add_extension(addresses, critical=False)
    pem, ca = folder / "broker.pem", folder / "ca.pem"
    key_bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    signed = certificate.sign(authority_key, hashes.SHA256())
    pem.write_bytes(key_bytes + signed.public_bytes(serialization.Encoding.PEM))
    own = authority.sign(authority_key, hashes.SHA256())
    ca.write_bytes(own.public_bytes(serialization.Encoding.PEM))
    return pem, ca


@contextmanager
def secure_broker() -> Iterator[Settings]:
    """Settings of a broker with SASL_SSL, which runs."""
    port, controller = free_ports(2)
    with TemporaryDirectory() as folder:
        pem, ca = make_certificate(Path(folder))
        settings = load(
            {
                "TICKHOUSE_VAR": folder,
                "TICKHOUSE_PORTS_KAFKA": port,
                "TICKHOUSE_PORTS_KAFKA_CONTROLLER": controller,
                "TICKHOUSE_KAFKA_SECURITY": "SASL_SSL",
                "TICKHOUSE_KAFKA_SASL_MECHANISM": "PLAIN",
                "TICKHOUSE_KAFKA_USER": USER,
                "TICKHOUSE_KAFKA_PASSWORD": PASSWORD,
                "TICKHOUSE_KAFKA_CA": str(ca),
            }
        )
        properties = kafka.prepare(settings)
        quoted = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
        login = f'username="{USER}" password="{quoted}" user_{USER}="{quoted}"'
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        jaas = f"{module} required {login};".replace("\\", "\\\\")
        kept = [
            line
            for line in properties.read_text().splitlines()
            if "listener" not in line or line.startswith("controller.listener")
        ]
        secure = LISTENER.format(port=port, controller=controller, jaas=jaas, keystore=pem, ca=ca)
        properties.write_text("\n".join(kept) + "\n" + secure)
        with run_in_background(kafka.build_command(settings)):
            wait_for(lambda: kafka.answers(settings), "broker")
            yield settings

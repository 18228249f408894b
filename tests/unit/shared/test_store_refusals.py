"""What a store's certificate is refused for, in one sentence with what to do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from include.errors import PlatformError
from include.settings import load
from include.store_check import check_store
from include.store_refusals import describe_refusal
from tests.support.object_store import use_store_of
from tests.support.tls_server import tls_server


def test_an_expired_certificate_is_not_called_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_at = datetime.now(UTC) - timedelta(days=500)
    with tls_server(tmp_path, signed_at=signed_at) as (server, ca):
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        settings = load(
            {
                "TICKHOUSE_STORE": "s3a://bucket",
                "TICKHOUSE_S3_ENDPOINT": f"https://{server}",
                "TICKHOUSE_S3_ACCESS_KEY": "id",
                "TICKHOUSE_S3_SECRET_KEY": "secret",
            }
        )
        with use_store_of(settings), pytest.raises(PlatformError, match=r"\(it has expired\): ren"):
            check_store(settings)


@pytest.mark.parametrize(
    ("text", "fault"),
    [  # of obstore 0.8 and delta-rs, from servers with such certificates
        ("error sending request … InvalidCertificate(\n UnknownIssuer,", "its authority is unkn"),
        ("error: InvalidCertificate(\n NotValidForNameContext {", "it is another host's"),
        ("invalid peer certificate\n↳ certificate expired\n↳ verification time", "it has expired"),
        ("error sending request … invalid peer certificate: BadEncoding", "it is not valid"),
    ],
)
def test_each_fault_of_a_certificate_is_in_words(text: str, fault: str) -> None:
    sentence = str(describe_refusal(OSError(text), "s3a://bucket/x"))
    assert sentence.startswith(
        f"the certificate of the object store of s3a://bucket is not accepted ({fault}"
    )

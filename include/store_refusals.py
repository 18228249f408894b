"""What clients of an object store report, as sentences with what to do."""

from include.errors import Permanent, PlatformError, Unreachable, first_line

SCHEME = "s3a://"  # Hadoop's, of every address in the settings
# Rustls' words in what obstore and delta-rs report; the last stands for whatever else it refuses.
CERTIFICATE_FAULTS = {
    "ExpiredContext": "it has expired",
    "certificate expired": "it has expired",
    "NotValidForName": "it is another host's",
    "not valid for name": "it is another host's",
    "UnknownIssuer": "its authority is unknown here",
    "InvalidCertificate": "it is not valid",
    "invalid peer certificate": "it is not valid",
}
REFUSALS = {
    ("RequestTimeTooSkewed",): (
        "the object store of {bucket} refuses this machine's clock, which is minutes off: set it "
        "(NTP)"
    ),
    ("NoSuchBucket",): "there is no bucket {bucket}: create it, or correct TICKHOUSE_STORE",
    ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "Unauthorized"): (
        "the object store refuses the key for {bucket}: correct TICKHOUSE_S3_ACCESS_KEY and "
        "TICKHOUSE_S3_SECRET_KEY"
    ),
    ("AccessDenied", "403 Forbidden"): (
        "the object store's key may not use {bucket}: let it read, write, list and delete there, "
        "or correct TICKHOUSE_S3_ACCESS_KEY"
    ),
}
NO_ANSWER = ("error sending request", "Connection refused", "timed out", "dns error", "connect")


def describe_refusal(error: Exception, uri: str) -> Permanent | Unreachable:
    """What a client of the store reported, in one sentence with what to do."""
    bucket = SCHEME + uri.removeprefix(SCHEME).partition("/")[0]
    text = str(error)
    if fault := next((fault for mark, fault in CERTIFICATE_FAULTS.items() if mark in text), ""):
        return PlatformError(
            f"the certificate of the object store of {bucket} is not accepted ({fault}): renew it, "
            "correct TICKHOUSE_S3_ENDPOINT, or let this machine trust who signed it"
        )
    for marks, sentence in REFUSALS.items():
        if any(mark in text for mark in marks):
            return PlatformError(sentence.format(bucket=bucket))
    if any(mark in text for mark in NO_ANSWER):
        return Unreachable(
            f"the object store of {bucket} does not answer: is it up, and is "
            "TICKHOUSE_S3_ENDPOINT right?"
        )
    return PlatformError(f"the object store refuses {uri}: {first_line(text)}")

"""Where the lake and all that belongs to it is kept, and how an object store is talked to.

Every client of S3 gets its address and keys from here: delta-rs, DuckDB and `ObjectPath` by the
process's `AWS_…` variables, Spark by those and by options of S3A.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from include.setting_fields import Secret, setting
from include.setting_kinds import PageUrl, Text, YesOrNo
from include.store_refusals import SCHEME

_BUCKET = re.compile(r"[\w.-]+", re.ASCII)
_LIKE_A_SCHEME = re.compile(r"[A-Za-z][\w+.-]*(:|//)", re.ASCII)  # s3a:/…, s3a//… are no folders
CHECKPOINT_MANAGER = "spark.sql.streaming.checkpointFileManagerClass"


@dataclass(frozen=True)
class S3Settings:
    """How the object store of `TICKHOUSE_STORE` is talked to."""

    endpoint: PageUrl = setting("", "URL of an S3-compatible server; empty: Amazon's of the region")
    region: Text = setting("us-east-1", "region of the bucket")
    access_key: Secret = setting(
        Secret(""), "key of the object store; empty: what the machine itself has (a role, AWS_…)"
    )
    secret_key: Secret = setting(Secret(""), "the key's secret")
    path_style: YesOrNo = setting(
        "", "`yes`: the bucket is in the URL's path, `no`: in its host; empty: yes with an endpoint"
    )

    @property
    def is_path_style(self) -> bool:
        """Whether requests name the bucket in the URL's path."""
        return self.path_style == "yes" or (not self.path_style and bool(self.endpoint))


def is_object_store(location: str) -> bool:
    """Whether a location is in an object store, and not a path of this machine."""
    return location.startswith(SCHEME)


def store_faults(store: str, lake: str, s3: S3Settings) -> list[str]:
    """Why the store's settings cannot be, a sentence each; empty if they can."""
    faults = [
        f"TICKHOUSE_{name}={location!r}: must be a path or {SCHEME}BUCKET/…"
        for name, location in {"STORE": store, "STREAM_LAKE": lake}.items()
        if not _is_location(location)
    ]
    if bool(s3.access_key.reveal()) != bool(s3.secret_key.reveal()):
        faults.append("TICKHOUSE_S3_ACCESS_KEY and …_SECRET_KEY are set together or not at all")
    return faults


def _is_location(location: str) -> bool:
    if is_object_store(location):
        return bool(_BUCKET.fullmatch(location.removeprefix(SCHEME).partition("/")[0]))
    return location.startswith("file:///") or not _LIKE_A_SCHEME.match(location)


def aws_variables(s3: S3Settings) -> Mapping[str, str]:
    """The variables by which the clients of S3 know endpoint and keys."""
    variables = {"AWS_REGION": s3.region}
    if s3.endpoint:
        variables |= {
            "AWS_ENDPOINT_URL": s3.endpoint,
            "AWS_ALLOW_HTTP": str(s3.endpoint.startswith("http://")).lower(),
            "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": str(not s3.is_path_style).lower(),
        }
    if s3.access_key.reveal():
        variables |= {
            "AWS_ACCESS_KEY_ID": s3.access_key.reveal(),
            "AWS_SECRET_ACCESS_KEY": s3.secret_key.reveal(),
        }
    return variables


def s3a_options(s3: S3Settings) -> dict[str, str]:
    """Spark's options for a lake and checkpoints in S3; the keys are in its environment."""
    options = {
        "spark.delta.logStore.s3a.impl": "tickhouse.ConditionalS3LogStore",
        "spark.hadoop.fs.s3a.endpoint.region": s3.region,
        "spark.hadoop.fs.s3a.input.stream.type": "classic",
        "spark.hadoop.fs.s3a.path.style.access": str(s3.is_path_style).lower(),
        CHECKPOINT_MANAGER: ("tickhouse.S3CheckpointFiles"),
    }
    if s3.endpoint:
        options["spark.hadoop.fs.s3a.endpoint"] = s3.endpoint
        is_encrypted = s3.endpoint.startswith("https://")
        options["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(is_encrypted).lower()
    return options

"""An S3-compatible server of a measurement's own: moto's, from the packages for tests."""

import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from include.local.scratch import free_ports, run_in_background, wait_for
from include.setting_fields import Secret
from include.settings import Settings, set_variables
from include.settings.store import S3Settings
from include.store_refusals import SCHEME

BUCKET = "measured"


@contextmanager
def scratch_object_store(settings: Settings) -> Iterator[Settings]:
    """The same world with its store in a server that runs for the block.

    Raises:
        Unreachable: it did not answer in time.
    """
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    with run_in_background([sys.executable, "-m", "moto.server", "-p", port]):
        wait_for(lambda: _make_bucket(endpoint), "object store")
        s3 = S3Settings(endpoint, access_key=Secret("bench"), secret_key=Secret("bench"))
        in_s3 = replace(settings, store=f"{SCHEME}{BUCKET}", s3=s3)
        set_variables(in_s3.s3_variables)
        yield in_s3


def _make_bucket(endpoint: str) -> bool:
    request = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False

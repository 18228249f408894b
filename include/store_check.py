"""Whether the object store can be used as it is set: key, bucket, clock, conditional puts."""

import uuid
from collections.abc import Iterable
from contextlib import suppress

from include.errors import PlatformError
from include.object_path import ObjectPath, store_path
from include.settings import Settings

PROBE = ".probe"


def check_store(settings: Settings) -> None:
    """Put, put again and delete a small object in each location; nothing for paths.

    Raises:
        PlatformError: the store refuses, or lets two writers put the same name.
        Unreachable: it does not answer.
    """
    for location in _list_locations(settings):
        _probe(location)


def _list_locations(settings: Settings) -> Iterable[ObjectPath]:
    locations = (settings.world_store, store_path(settings.lake))
    return dict.fromkeys(location for location in locations if isinstance(location, ObjectPath))


def _probe(location: ObjectPath) -> None:
    probe = location / f"{PROBE}-{uuid.uuid4()}"
    probe.put(b"", if_absent=True)
    try:
        with suppress(FileExistsError):
            probe.put(b"", if_absent=True)
            raise PlatformError(
                f"the object store of {location} does not put conditionally (If-None-Match): two "
                "writers could win the same version of a table; use another one"
            )
    finally:
        probe.unlink(missing_ok=True)

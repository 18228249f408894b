"""The simulated Kaggle: both editions as zips, the log-in checked, storage by signed address."""

import base64
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import BasicAuth
from aiohttp.test_utils import TestClient, TestServer

from include.settings import load
from streaming.simulator.__main__ import make_application
from streaming.simulator.kaggle import CURRENT, OLDER, OLDER_VERSION, VERSION

SLUG = "mczielinski/bitcoin-historical-data"
DOWNLOAD = f"/api/v1/datasets/download/{SLUG}"
KEY = {"Authorization": "Bearer for-tests-only"}
CURRENT_HEADER = "Timestamp,Open,High,Low,Close,Volume"
OLDER_HEADER = "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price"


@asynccontextmanager
async def kaggle() -> AsyncIterator[TestClient]:  # type: ignore[type-arg]
    settings = {
        "TICKHOUSE_SIMULATOR_HISTORY_DAYS": "2",
        "TICKHOUSE_SIMULATOR_KAGGLE_KEY": "for-tests-only",
    }
    async with TestClient(TestServer(make_application(load(settings)))) as client:
        yield client


def unzipped(content: bytes) -> dict[str, list[str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name).decode().splitlines() for name in archive.namelist()}


@pytest.mark.parametrize(
    ("query", "file", "header"),
    [
        (DOWNLOAD, CURRENT, CURRENT_HEADER),
        (f"{DOWNLOAD}/{CURRENT}", CURRENT, CURRENT_HEADER),
        (f"{DOWNLOAD}/{OLDER}", OLDER, OLDER_HEADER),
        (f"{DOWNLOAD}?datasetVersionNumber={OLDER_VERSION}", OLDER, OLDER_HEADER),
    ],
)
async def test_both_editions_come_as_zips_of_every_minute(
    query: str, file: str, header: str
) -> None:
    async with kaggle() as client:
        reply = await client.get(query, headers=KEY)
        content = await reply.read()
        assert reply.status == 200
        digest = base64.b64encode(hashlib.md5(content).digest()).decode()
        assert reply.headers["X-Goog-Hash"] == f"md5={digest}"
        ((name, lines),) = unzipped(content).items()
        assert name == file and lines[0] == header
        stamps = [int(float(line.split(",")[0])) for line in lines[1:]]
        assert len(stamps) == 2 * 1440 and stamps == list(range(stamps[0], stamps[-1] + 60, 60))
        empty = [line for line in lines if line.endswith(",NaN" * 7)]
        assert bool(empty) == (file == OLDER)


async def test_a_user_and_key_pass_and_anything_else_is_401() -> None:
    async with kaggle() as client:
        good = await client.get(DOWNLOAD, auth=BasicAuth("anyone", "for-tests-only"))
        assert good.status == 200
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic %%"},
            {"Authorization": BasicAuth("anyone", "wrong").encode()},
        ):
            bad = await client.get(DOWNLOAD, headers=headers)
            assert bad.status == 401 and (await bad.json())["code"] == 401
        assert (await client.get("/api/v1/datasets/download/a/b", headers=KEY)).status == 404


async def test_the_newer_wire_names_the_version_and_redirects_to_storage() -> None:
    async with kaggle() as client:
        service, (owner, name) = "/v1/datasets.DatasetApiService", SLUG.split("/")
        body = {"ownerSlug": owner, "datasetSlug": name}
        dataset = await client.post(f"{service}/GetDataset", json=body, headers=KEY)
        assert (await dataset.json())["currentVersionNumber"] == VERSION
        assert (await client.post(f"{service}/GetDataset", json=body)).status == 401
        redirect = await client.post(
            f"{service}/DownloadDataset", json=body, headers=KEY, allow_redirects=False
        )
        assert redirect.status == 302
        place = redirect.headers["Location"]
        content = await (await client.get(place)).read()  # no log-in: the address is the key
        part = await client.get(place, headers={"Range": "bytes=10-19"})
        assert part.status == 206 and await part.read() == content[10:20]
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(content)}"
        past = await client.get(place, headers={"Range": f"bytes={len(content)}-"})
        assert past.status == 416
        stale = await client.get(place, headers={"Range": "bytes=10-19", "If-Range": '"other"'})
        assert stale.status == 200 and await stale.read() == content
        assert (await client.get(place.replace("at=1", "at=2"))).status == 403

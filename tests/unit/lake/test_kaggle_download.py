"""Kaggle's file comes whole: with its log-in, taken up where it broke off, its md5 compared."""

import asyncio
import base64
import hashlib
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from include.errors import HistoryError, Unreachable
from include.lake import archive
from include.lake.csv_editions import recognise
from include.lake.download import download
from include.lake.kaggle_dataset import download_dataset
from include.setting_fields import Secret
from include.settings import load
from include.settings.forecast import ForecastSettings
from streaming.simulator.__main__ import make_application

SOURCE = "kaggle:mczielinski/bitcoin-historical-data"
SIMULATOR = {
    "TICKHOUSE_SIMULATOR_HISTORY_DAYS": "2",
    "TICKHOUSE_SIMULATOR_KAGGLE_KEY": "for-tests-only",
}
CONTENT = bytes(range(256)) * 4096  # a megabyte


@asynccontextmanager
async def kaggle() -> AsyncIterator[str]:
    async with TestServer(make_application(load(SIMULATOR))) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.mark.parametrize("user", ["", "somebody"])
async def test_the_simulated_kaggles_file_is_fetched_and_read(tmp_path: Path, user: str) -> None:
    async with kaggle() as url:
        settings = load(
            {
                "TICKHOUSE_VAR": str(tmp_path),
                "TICKHOUSE_FORECAST_KAGGLE_URL": url,
                "TICKHOUSE_FORECAST_KAGGLE_USER": user,
                "TICKHOUSE_FORECAST_KAGGLE_KEY": "for-tests-only",
            }
        )
        file = await asyncio.to_thread(archive.fetch_archive, SOURCE, settings)
    assert file == settings.home / "history" / "btcusd_1-min_data.csv"
    assert len(file.read_text().splitlines()) == 1 + 2 * 1440
    assert recognise(archive.first_lines(file)).source == "kaggle"
    assert not list((settings.home / "history").glob("*.partial"))


async def test_a_file_of_the_data_set_can_be_named(tmp_path: Path) -> None:
    async with kaggle() as url:
        rules = ForecastSettings(kaggle_url=url, kaggle_key=Secret("for-tests-only"))
        named = f"{SOURCE}/bitstampUSD_1-min_data.csv"
        archive_path = await asyncio.to_thread(download_dataset, named, tmp_path, rules)
    assert zipfile.ZipFile(archive_path).namelist() == ["bitstampUSD_1-min_data.csv"]


async def test_what_kaggle_refuses_is_said_with_the_setting_to_look_at(tmp_path: Path) -> None:
    async with kaggle() as url:
        wrong = ForecastSettings(kaggle_url=url, kaggle_key=Secret("wrong"))
        with pytest.raises(HistoryError, match=r"KAGGLE_KEY|_KEY.*refused \(401\)"):
            await asyncio.to_thread(download_dataset, SOURCE, tmp_path, wrong)
        right = ForecastSettings(kaggle_url=url, kaggle_key=Secret("for-tests-only"))
        with pytest.raises(HistoryError, match=r"there is none \(404\)"):
            await asyncio.to_thread(download_dataset, "kaggle:some/thing", tmp_path, right)
    with pytest.raises(HistoryError, match="set TICKHOUSE_FORECAST_KAGGLE_KEY"):
        download_dataset(SOURCE, tmp_path, ForecastSettings())
    with pytest.raises(HistoryError, match="is not kaggle:OWNER/DATASET"):
        download_dataset("kaggle:alone", tmp_path, right)


async def test_a_server_that_does_not_say_the_length_is_believed_at_its_end(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse()
        reply.enable_chunked_encoding()
        await reply.prepare(request)
        await reply.write(CONTENT)
        return reply

    app = web.Application()
    app.router.add_get("/file", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/file"))
        target = tmp_path / "new" / "x.zip"
        await asyncio.to_thread(download, lambda: url, target, name="the file")
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["x.zip"]


class Storage:
    """Serves CONTENT with ranges; breaks off at each of `breaks`, one a request."""

    def __init__(self, *breaks: int, tag: str = '"one"', md5_of: bytes = CONTENT) -> None:
        self.breaks, self.tag, self.asked = list(breaks), tag, []  # type: ignore[var-annotated]
        digest = hashlib.md5(md5_of).digest()
        self.md5 = base64.b64encode(digest).decode()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        begin = request.http_range.start or 0
        if request.headers.get("If-Range", self.tag) != self.tag:
            begin = 0
        self.asked.append(begin)
        remainder = CONTENT[begin:]
        headers = {
            "ETag": self.tag,
            "X-Goog-Hash": f"md5={self.md5}",
            "Content-Length": str(len(remainder)),
        }
        reply = web.StreamResponse(status=206 if begin else 200, headers=headers)
        await reply.prepare(request)
        if self.breaks:
            await reply.write(remainder[: self.breaks.pop(0)])
            assert request.transport is not None
            request.transport.close()
            return reply
        await reply.write(remainder)
        return reply


async def brought(storage: Storage, target: Path) -> Any:
    app = web.Application()
    app.router.add_get("/file", storage.answer)
    async with TestServer(app) as server:
        url = str(server.make_url("/file"))
        return await asyncio.to_thread(download, lambda: url, target, name="the file")


async def test_a_broken_download_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    storage = Storage(300_000, 200_000)
    downloaded = await brought(storage, tmp_path / "x.zip")
    assert downloaded.read_bytes() == CONTENT
    assert storage.asked == [0, 300_000, 500_000]


async def test_a_later_process_goes_on_too_unless_the_file_has_changed(tmp_path: Path) -> None:
    first = Storage(100_000, 0, 0)
    with pytest.raises(Unreachable, match="3 times"):
        await brought(first, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()
    second = Storage()
    await brought(second, tmp_path / "x.zip")
    assert second.asked == [100_000]
    with pytest.raises(Unreachable):
        await brought(Storage(100_000, 0, 0), tmp_path / "y.zip")
    changed = Storage(tag='"two"')
    downloaded = await brought(changed, tmp_path / "y.zip")
    assert changed.asked == [0]
    assert downloaded.read_bytes() == CONTENT


async def test_a_file_with_another_md5_is_never_put_in_place(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="md5 is not the one"):
        await brought(Storage(md5_of=b"other"), tmp_path / "x.zip")
    assert list(tmp_path.glob("x.zip")) == []  # noqa: ASYNC240

"""The simulated Kaggle: minute history of both column formats, plain, or zipped behind a log-in.

Source: Kaggle/kaggle-api and Kaggle/kagglehub: a download is answered by a redirect to storage,
whose signed address is the only key it needs; it sends its md5 and serves ranges.
"""

import asyncio
import base64
import hashlib
import io
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlencode

from aiohttp import BasicAuth, web

from include.market.numerals import parse_whole
from include.settings.groups import SimulatorSettings
from streaming.simulator import history
from streaming.simulator.clock import Clock
from streaming.simulator.json_fields import Fields, read_object
from streaming.simulator.price_path import PricePath
from streaming.simulator.signatures import is_same, sign

OWNER, SLUG = "mczielinski", "bitcoin-historical-data"
CURRENT, OLDER = "btcusd_1-min_data.csv", "bitstampUSD_1-min_data.csv"
EDITIONS = {CURRENT: history.current_edition, OLDER: history.nan_edition}
VERSION, OLDER_VERSION = 745, 7
_MAX_DAYS, _SIGNED_FOR_S = 1200, 600
_ZIPPED_AT = (2020, 1, 1, 0, 0, 0)
_PREFIXES = ("", "/api")


class Kaggle:
    """Serves one data set. Storage checks nothing but its signed address."""

    def __init__(self, path: PricePath, rules: SimulatorSettings, clock: Clock) -> None:
        self._path, self._days, self._clock = path, rules.history_days, clock
        self._key = rules.kaggle_key.reveal()
        self._zip = lru_cache(maxsize=2)(self._zip_file)

    def add_to(self, app: web.Application) -> None:
        """Serve the files, the two ways to download, and storage."""
        app.router.add_get(f"/kaggle/{{file:{'|'.join(EDITIONS)}}}", self.serve_csv)
        app.router.add_get("/api/v1/datasets/download/{owner}/{slug}", self.download)
        app.router.add_get("/api/v1/datasets/download/{owner}/{slug}/{file}", self.download)
        for prefix in _PREFIXES:
            service = f"{prefix}/v1/datasets.DatasetApiService"
            app.router.add_post(f"{service}/GetDataset", self.dataset)
            app.router.add_post(f"{service}/DownloadDataset", self.download)
        app.router.add_get("/storage/{file}", self.storage)

    async def serve_csv(self, request: web.Request) -> web.StreamResponse:
        """Stream a CSV file of so many `days`."""
        text = request.query.get("days", str(self._days))
        days = parse_whole(text, largest=_MAX_DAYS)
        if days is None:
            raise web.HTTPBadRequest(text=f"days={text[:60]!r} is no number of days to {_MAX_DAYS}")
        csv_parts = self._lines(request.match_info["file"], days, int(self._clock.now_s()))
        response = web.StreamResponse(headers={"Content-Type": "text/csv"})
        await response.prepare(request)
        while (part := await asyncio.to_thread(_next_part, csv_parts)) is not None:
            await response.write(part.encode())
        await response.write_eof()
        return response

    async def dataset(self, request: web.Request) -> web.Response:
        """Serve the newest version's number."""
        body = await read_object(request)
        if not self._is_authorised(request):
            return _refusal(401, "Unauthenticated")
        if (body.get("ownerSlug"), body.get("datasetSlug")) != (OWNER, SLUG):
            return _refusal(404, "Not found")
        return web.json_response({"ref": f"{OWNER}/{SLUG}", "currentVersionNumber": VERSION})

    async def download(self, request: web.Request) -> web.Response:
        """Redirect to storage; a file alone comes as `NAME.csv.zip`."""
        if not self._is_authorised(request):
            return _refusal(401, "Unauthenticated")
        parameters: Fields = dict(request.query) | dict(request.match_info)
        if request.method == "POST":
            body = await read_object(request)
            parameters = {
                "owner": body.get("ownerSlug"),
                "slug": body.get("datasetSlug"),
                "file": body.get("fileName", ""),
                **body,
            }
        version = parse_whole(str(parameters.get("datasetVersionNumber") or VERSION)) or 0
        default_file = {VERSION: CURRENT, OLDER_VERSION: OLDER}.get(version)
        file = parameters.get("file") or default_file
        if (parameters.get("owner"), parameters.get("slug")) != (
            OWNER,
            SLUG,
        ) or file not in EDITIONS:
            return _refusal(404, "Not found")
        name = f"{file}.zip" if parameters.get("file") else f"{SLUG}.zip"
        signed_at_s = int(self._clock.now_s())
        query = {
            "of": file,
            "at": str(signed_at_s),
            "signature": self._signature(name, f"{file}{signed_at_s}"),
        }
        return web.Response(status=302, headers={"Location": f"/storage/{name}?{urlencode(query)}"})

    async def storage(self, request: web.Request) -> web.Response:
        """Serve a zip, whole or a range of it, under its signed address."""
        name, query = request.match_info["file"], request.query
        source_file, signed_at = query.get("of", ""), query.get("at", "")
        expected = self._signature(name, f"{source_file}{signed_at}")
        if not is_same(expected, query.get("signature", "")):
            return _refusal(403, "SignatureDoesNotMatch")
        signed_at_s = parse_whole(signed_at) or 0
        if self._clock.now_s() - signed_at_s > _SIGNED_FOR_S:
            return _refusal(403, "ExpiredToken")
        content = await asyncio.to_thread(self._zip, source_file, signed_at_s // 60 * 60)
        digest = hashlib.md5(content, usedforsecurity=False).digest()
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": f'"{digest.hex()}"',
            "X-Goog-Hash": f"md5={base64.b64encode(digest).decode()}",
        }
        try:
            span = request.http_range
        except ValueError:
            span = slice(None)  # a server passes over a range that is none (RFC 9110, 14.2)
        fresh = request.headers.get("If-Range", headers["ETag"]) == headers["ETag"]
        if span.start is None or not fresh:
            return web.Response(body=content, headers=headers, content_type="application/zip")
        if span.start >= len(content):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(content)}"})
        part = content[span]
        begin = span.start if span.start >= 0 else len(content) + span.start
        headers["Content-Range"] = f"bytes {begin}-{begin + len(part) - 1}/{len(content)}"
        return web.Response(status=206, body=part, headers=headers, content_type="application/zip")

    def _is_authorised(self, request: web.Request) -> bool:
        header = request.headers.get("Authorization", "")
        kind, _, key = header.partition(" ")
        if kind == "Basic":
            try:
                key = BasicAuth.decode(header).password
            except ValueError:
                return False
        elif kind != "Bearer":
            return False
        return bool(self._key) and is_same(self._key, key)

    def _signature(self, name: str, action: str) -> str:
        return sign(f"storage {self._key}", f"{name}|{action}", "sha256")

    def _lines(self, file: str, days: int, now_s: int) -> Iterator[str]:
        return EDITIONS[file](self._path, days=days, now_s=now_s)

    def _zip_file(self, file: str, at_s: int) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            entry = zipfile.ZipInfo(file, date_time=_ZIPPED_AT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, "".join(self._lines(file, self._days, at_s)))
        return buffer.getvalue()


def _refusal(status: int, reason: str) -> web.Response:
    return web.json_response({"code": status, "message": reason}, status=status)


def _next_part(csv_parts: Iterator[str]) -> str | None:
    return next(csv_parts, None)

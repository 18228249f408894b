"""Where a history archive comes from: a file, URL or Kaggle data set; its first lines."""

import gzip
import hashlib
import lzma
import shutil
import urllib.parse
import zipfile
import zlib
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from include.atomic_files import publish
from include.errors import HistoryError
from include.lake.csv_editions import SAMPLE_LINES
from include.lake.download import download
from include.lake.kaggle_dataset import SCHEME, download_dataset
from include.object_path import StorePath
from include.settings import LIVE, Settings

_ENCRYPTED = 0x1  # of an entry's flags
SIMULATED_FILE = "kaggle/btcusd_1-min_data.csv"


def has_simulated_history(settings: Settings) -> bool:
    """Whether the simulator serves a history of this world's market; of a tape it has none."""
    return settings.world != LIVE and not settings.simulator.tape


def default_source(settings: Settings) -> str:
    """The archive of the settings; of a simulated market the simulator's own.

    Raises:
        HistoryError: none is set, and the market is a real one or a tape.
    """
    if settings.forecast.history:
        return settings.forecast.history
    if has_simulated_history(settings):
        return f"{settings.simulator_url}/{SIMULATED_FILE}"
    raise HistoryError("no history is set: give a CSV file or URL as `source`, or up --history")


def fetch_archive(source: str, settings: Settings) -> Path:
    """The archive as a local CSV file (`.csv` or `.csv.gz`), downloaded and unzipped if necessary.

    Raises:
        HistoryError: the file does not exist, is refused, or is a broken zip.
        Unreachable: the address does not answer or breaks off.
    """
    folder = choose_folder(settings)
    if source.startswith(SCHEME):
        path = download_dataset(source, folder, settings.forecast)
    else:
        path = _download(source, folder) if "://" in source else Path(source)
    if not path.is_file():
        raise HistoryError(f"history file {source} does not exist")
    return unzip(path, folder) if zipfile.is_zipfile(path) or path.suffix == ".zip" else path


def choose_folder(settings: Settings) -> Path:
    """Where archives are downloaded to: beside the lake, or on this machine's disk.

    A download that broke off is resumed from its beginning on disk, which no bucket can do.
    """
    store = settings.world_store
    return (store if isinstance(store, Path) else settings.home) / "history"


def share(archive: Path, settings: Settings) -> StorePath:
    """The archive where every machine of the world can read it: in the object store, if any."""
    store = settings.world_store
    if isinstance(store, Path):
        return archive
    shared, newest = store / "history" / archive.name, archive.stat()
    stored = shared.stat() if shared.is_file() else None
    if stored is None or stored.st_size != newest.st_size or stored.st_mtime < newest.st_mtime:
        shared.put_file(archive)
    return shared


def first_lines(path: Path) -> list[str]:
    """The first lines of a CSV file, gzipped or not.

    Raises:
        HistoryError: it is not text, or a broken gzip.
    """
    open_text = gzip.open if path.suffix == ".gz" else open
    try:
        with open_text(path, "rt", encoding="utf-8") as text:
            return [str(line) for line in islice(text, SAMPLE_LINES)]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise HistoryError(f"history file {path.name} cannot be read: {error}") from error


def _download(source: str, folder: Path) -> Path:
    name = Path(urllib.parse.urlparse(source).path).name or "history.csv"
    target = folder / f"{hashlib.sha256(source.encode()).hexdigest()[:8]}-{name}"
    return download(lambda: source, target, name=f"history at {source}")


def unzip(path: Path, folder: Path) -> Path:
    """The one CSV file of a zip, unpacked into a folder.

    Raises:
        HistoryError: it is broken or encrypted, or holds none or several.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if _is_csv(name)]
            if len(names) != 1:
                raise HistoryError(f"{path.name} holds {len(names)} CSV files; one is expected")
            if archive.getinfo(names[0]).flag_bits & _ENCRYPTED:
                raise HistoryError(f"{path.name} is encrypted: unzip it with its password")
            target = folder / Path(names[0]).name
            partial = target.with_name(f"{target.name}.partial")
            with archive.open(names[0]) as packed, partial.open("wb") as file:
                _copy(packed, file, name=path.name)
            publish(partial, target)
            return target
    except NotImplementedError as error:
        reason = f"{path.name} cannot be unzipped here: {error}"
        raise HistoryError(f"{reason}; pack it again with another method") from error
    except (zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError) as error:
        raise HistoryError(f"{path.name} is a broken zip file: {error}") from error


def _is_csv(name: str) -> bool:
    """Whether an entry of a zip is a CSV file; macOS adds one of its own for each, `._NAME`."""
    path = PurePosixPath(name)
    return path.suffix.lower() == ".csv" and not path.name.startswith("._")


def _copy(packed: IO[bytes], file: IO[bytes], *, name: str) -> None:
    """Unpack a file.

    Raises:
        HistoryError: what is packed is damaged. bzip2 reports that as an OSError without a number,
            unlike a disk.
    """
    try:
        shutil.copyfileobj(packed, file, 1 << 20)
    except OSError as error:
        if error.errno is None:
            raise HistoryError(f"{name} is a broken zip file: {error}") from error
        raise

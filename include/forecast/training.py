"""Trains models on the lake's minutes and saves them: Prophet's JSON beside a record."""

import hashlib
import logging
import time
import zlib
from datetime import datetime

import msgspec

from include.atomic_files import PARTIAL, delete_folder, remove_folder, write_folder
from include.errors import ForecastError, HistoryError, StateError, first_line
from include.forecast import prophet
from include.forecast.history import CLOSE, PriceChoice, TrainingMinutes, training_minutes
from include.forecast.holdout import holdout_metrics
from include.forecast.manifest import Band, Holiday
from include.forecast.prophet import Fitted
from include.forecast.recipe import LEVELS, Recipe, configured_recipe, fit_recipe
from include.log import event
from include.object_path import StorePath
from include.settings import Settings
from include.state_files import encode_with_checksum, read_checked_file

log = logging.getLogger("tickhouse.forecast")
MODEL_FILE, RECORD_FILE = "model.json", "record.json"


class ModelRecord(msgspec.Struct, frozen=True):
    """How a model was trained; `versions` are the Delta versions that it read.

    `walk` is the volatility of its minutes: log price per square root of a minute. `volatility` and
    `band` are those of the 80 % interval (`bands`), `last_price` the price it starts from.
    It was fitted to the price `target`, of landed trades to those of `venue`. `model_crc32` is the
    checksum of the model itself; null for one of an earlier version.
    """

    model: str
    symbol: str
    trained_from: datetime
    trained_until: datetime
    as_of: datetime
    made_at: datetime
    rows: int
    fitted_by: str
    fit_s: float
    walk: float
    versions: dict[str, int]
    metrics: dict[str, float]
    last_price: float = 0.0
    likelihood: str = LEVELS
    holidays: tuple[Holiday, ...] = ()
    volatility: float = 0.0
    band: Band | None = None
    target: str = CLOSE
    venue: str = ""
    model_crc32: int | None = None

    @property
    def recipe(self) -> Recipe:
        """What it was fitted with."""
        return Recipe(self.likelihood, self.holidays, self.target)


def train(
    settings: Settings, *, symbol: str, as_of: datetime | None, train_days: int, now: datetime
) -> ModelRecord:
    """Train on the lake's minutes before `as_of` (none: all there is) and save the model.

    It is fitted by the configured recipe.

    The same minutes give the same model id; a model that is already saved is not trained again.

    Raises:
        HistoryError: there are not enough minutes, or the price does not change in them.
        SettingsError: there is no such likelihood.
    """
    recipe = configured_recipe(settings.forecast)
    history = training_minutes(
        settings.lake,
        symbol=symbol,
        as_of=as_of,
        train_days=train_days,
        choice=PriceChoice(settings.venue_order, recipe.target),
    )
    name = _model_id(history, recipe)
    target = settings.world_store / "models" / name
    if not target.exists():
        _save(target, *_fit_model(history, recipe, name=name, now=now))
    _prune(settings, symbol)
    return record_of(settings, name)


def record_of(settings: Settings, name: str) -> ModelRecord:
    """The record of a saved model.

    Raises:
        ForecastError: there is no such model.
        StateError: its record is damaged.
    """
    path = settings.world_store / "models" / name / RECORD_FILE
    record = read_checked_file(path, ModelRecord, or_unchecked=True)
    if record is None:
        raise ForecastError(f"there is no model {name}")
    return record


def load_model(settings: Settings, name: str) -> Fitted:
    """A saved model, ready to predict.

    Raises:
        ForecastError: there is no such model.
        StateError: it is damaged.
    """
    record = record_of(settings, name)
    path = settings.world_store / "models" / name / MODEL_FILE
    try:
        text = path.read_bytes()
        if record.model_crc32 not in {None, zlib.crc32(text)}:
            raise StateError(f"the file {path} is damaged: its checksum is another")
        model = prophet.from_json(text.decode())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(f"the file {path} is damaged: {first_line(error)}") from error
    return Fitted(model, record.fitted_by, record.walk, record.volatility, record.band)


def list_models(settings: Settings) -> list[ModelRecord]:
    """The records of the saved models, newest first; damaged ones are logged and left out."""
    records = []
    for path in (settings.world_store / "models").glob(f"*/{RECORD_FILE}"):
        if path.parent.name.startswith("."):
            continue
        try:
            records.append(record_of(settings, path.parent.name))
        except StateError as error:
            log.warning(event("model left out", error=error))
    return sorted(records, key=lambda record: (record.made_at, record.model), reverse=True)


def _fit_model(
    history: TrainingMinutes, recipe: Recipe, *, name: str, now: datetime
) -> tuple[str, ModelRecord]:
    began = time.monotonic()
    try:
        fitted = fit_recipe(history.prices_df, recipe)
    except HistoryError as error:
        raise HistoryError(f"{history.symbol} cannot be forecast: {error}") from error
    fit_s = time.monotonic() - began
    log.info(event("model fitted", model=name, rows=len(history.prices_df), by=fitted.fitted_by))
    record = ModelRecord(
        model=name,
        symbol=history.symbol,
        trained_from=history.trained_from,
        trained_until=history.trained_until,
        as_of=history.as_of,
        made_at=now,
        rows=len(history.prices_df),
        fitted_by=fitted.fitted_by,
        fit_s=round(fit_s, 3),
        walk=fitted.walk,
        versions=history.versions,
        metrics=holdout_metrics(history.prices_df, recipe),
        last_price=float(history.prices_df["close"].iloc[-1]),
        likelihood=recipe.likelihood,
        holidays=recipe.holidays,
        volatility=fitted.volatility,
        band=fitted.band,
        target=recipe.target,
        venue=history.venue,
    )
    return prophet.to_json(fitted.prophet), record


def _model_id(history: TrainingMinutes, recipe: Recipe) -> str:
    digest = hashlib.sha256(history.prices_df["ds"].to_numpy().view("int64").data)
    digest.update(history.prices_df["close"].to_numpy().data)
    digest.update(msgspec.json.encode((recipe.likelihood, recipe.holidays)))
    if "target" in history.prices_df:
        digest.update(history.prices_df["target"].to_numpy().data)
    return f"{history.symbol}-{history.trained_until:%Y%m%dT%H%M}-{digest.hexdigest()[:8]}"


def _save(folder: StorePath, text: str, model_record: ModelRecord) -> None:
    """Write the model into a folder that gets its name when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    delete_folder(folder.with_name(f"{PARTIAL}{folder.name}"))
    model = text.encode()
    model_record = msgspec.structs.replace(model_record, model_crc32=zlib.crc32(model))
    write_folder(folder, {MODEL_FILE: model, RECORD_FILE: encode_with_checksum(model_record)})


def _prune(settings: Settings, symbol: str) -> None:
    of_symbol = [record for record in list_models(settings) if record.symbol == symbol]
    for record in of_symbol[settings.forecast.keep :]:
        remove_folder(settings.world_store / "models" / record.model)

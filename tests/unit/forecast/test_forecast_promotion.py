"""A draft is published only if it is not absurd and no worse than the forecast in use."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cli.main import cli
from include.errors import GateFailed
from include.forecast import draft_forecast, drafts, forecast_file, promotion, publishing, training
from include.forecast.evaluation import PROPHET, Evaluation, Plan, backtest
from include.forecast.forecast_file import render
from include.forecast.manifest import Manifest
from include.lake.reading import query
from include.quality.page import page_of
from include.quality.results import QualityRun
from include.settings import Settings
from streaming.simulator.history import current_edition
from streaming.simulator.price_path import PricePath
from tests.support.forecast_files import publish_champion
from tests.support.forecast_world import MINUTE, NOW, T0, write_history

DAYS = 4


def walk(days: int = DAYS) -> list[float | None]:
    draw = np.random.default_rng(11)
    return [round(float(x), 2) for x in 9000 * np.exp(np.cumsum(draw.normal(0, 5e-4, days * 1440)))]


def drafted(settings: Settings, **more: Any) -> Manifest:
    options = {"symbol": "BTC-USD", "as_of": None, "train_days": 0, "now": NOW, **more}
    record = training.train(settings, **options)
    return draft_forecast.draft(settings, name=record.model, horizon_minutes=2000, now=NOW)


def faults(settings: Settings, forecast_id: str) -> dict[str, str]:
    checks = promotion.check_promotion(settings, forecast_id)
    return {check.name: check.detail for check in checks if not check.ok}


def redraft(settings: Settings, manifest: Manifest, change: Any, **changes: Any) -> None:
    """Put other rows, or another claim, in a draft's place."""
    frame = change(drafts.load_draft(settings, manifest.forecast_id))
    rows = zip(
        (at.to_pydatetime() for at in frame["ds"]),
        frame["side"],
        *(frame[name].tolist() for name in ("yhat", "yhat_lower", "yhat_upper")),
        strict=True,
    )
    drafts.path_of(settings, manifest.forecast_id, ".csv").write_bytes(render(rows))
    changed = msgspec.structs.replace(manifest, **changes)
    drafts.path_of(settings, manifest.forecast_id, ".json").write_bytes(
        msgspec.json.encode(changed)
    )


def same(frame: pd.DataFrame) -> pd.DataFrame:
    return frame


def put_champion(
    settings: Settings, levels: list[float], *, first_at: datetime, last_price: float = 9000.0
) -> str:
    """A forecast of these levels in use, made a day ago."""
    return publish_champion(
        settings.forecasts,
        levels,
        first_at=first_at,
        made_at=NOW - timedelta(days=1),
        trained_from=T0,
        last_price=last_price,
        likelihood="changes",
    )


def test_a_plausible_first_forecast_passes_every_judgement(settings: Settings) -> None:
    write_history(settings, walk())
    checks = promotion.check_promotion(settings, drafted(settings).forecast_id)
    assert len(checks) == 10
    assert [check for check in checks if not check.ok] == []


@pytest.mark.parametrize(
    ("check_name", "change"),
    [
        ("is not constant", lambda f: f.assign(yhat=9000.0)),
        ("joins the last price", lambda f: f.assign(yhat=f["yhat"] * 1.5)),
        ("does not explode", lambda f: f.assign(yhat_upper=f["yhat"] * [*[1] * 1999, 1e7])),
        ("does not explode", lambda f: f.assign(yhat_lower=f["yhat"] * [*[1] * 1999, 1e-7])),
        ("follows on its training", lambda f: f.assign(ds=f["ds"] + pd.Timedelta(hours=8))),
    ],
)
def test_an_absurd_draft_is_refused_by_its_name(
    settings: Settings, check_name: str, change: Any
) -> None:
    write_history(settings, walk())
    manifest = drafted(settings)
    redraft(settings, manifest, change)
    assert check_name in faults(settings, manifest.forecast_id)


def test_a_model_of_stale_data_is_refused(settings: Settings) -> None:
    write_history(settings, walk())
    manifest = drafted(settings, as_of=T0 + timedelta(days=2))
    # the newest minute is 3 d 23:59; the model ends at 1 d 23:59, exactly the 48 hours that may be
    assert faults(settings, manifest.forecast_id) == {}
    write_history(settings, [9000.0], start=T0 + timedelta(days=DAYS))
    assert list(faults(settings, manifest.forecast_id)) == ["is of fresh data"]


@pytest.mark.parametrize(("step_minutes", "days"), [(60, 70), (5, 8)])
def test_bars_of_an_hour_or_five_minutes_are_the_wrong_frequency(
    settings: Settings, step_minutes: int, days: int
) -> None:
    closes = [x if n % step_minutes == 0 else None for n, x in enumerate(walk(days))]
    write_history(settings, closes)
    assert "was trained on minutes" in faults(settings, drafted(settings).forecast_id)


def test_a_forecast_worse_than_the_one_in_use_is_refused_and_the_reason_is_kept(
    settings: Settings,
) -> None:
    truth = walk()
    write_history(settings, truth)
    # the champion knew every price to come after a day: none can be better
    first = T0 + timedelta(days=1)
    champion = put_champion(
        settings,
        [float(x or 0) for x in truth[1440:]],
        first_at=first,
        last_price=float(truth[1439] or 0),
    )
    settings = replace(settings, forecast=replace(settings.forecast, stale_hours=99))
    manifest = drafted(settings)
    checks = promotion.check_promotion(settings, manifest.forecast_id)
    pages = settings.home / "quality"
    with pytest.raises(GateFailed, match=f"against 0 of {champion}, worse from 5 of 5 origins"):
        QualityRun(settings.lake, "r:1", NOW, pages).record(promotion.SUITE, checks)
    failed_rows = query(
        settings.lake,
        "SELECT expectation, observed FROM quality_results WHERE NOT success AND suite='champion'",
    )[1]
    assert [row[0] for row in failed_rows] == ["no worse than the forecast in use"]
    page = page_of(pages, "r:1").read_text()
    assert "champion: 1 of 10 failed" in page
    assert f"against 0 of {champion}" in page
    assert forecast_file.current_id(settings.forecasts) == champion


def test_both_start_from_the_last_price_where_the_minutes_before_an_origin_are_missing(
    settings: Settings,
) -> None:
    """The market was away for the hour before each origin; the champion knew what came."""
    truth = [float(x or 0) for x in walk()]
    away = [n % 360 >= 300 and n + 1 < len(truth) for n in range(len(truth))]
    write_history(settings, [None if out else x for x, out in zip(truth, away, strict=True)])
    champion = put_champion(
        settings, truth[1440:], first_at=T0 + timedelta(days=1), last_price=truth[1439]
    )
    settings = replace(settings, forecast=replace(settings.forecast, stale_hours=99))
    manifest = drafted(settings)
    detail = promotion.check_promotion(settings, manifest.forecast_id)[-1].detail
    error = float(detail.split(" against ")[1].split(" of ")[0])
    assert champion in detail and error < 1e-6


@pytest.mark.parametrize("knows_nothing", [600, 0], ids=["after ten hours", "anywhere"])
def test_a_recipe_whose_levels_are_no_numbers_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, knows_nothing: int
) -> None:
    truth = walk()
    write_history(settings, truth)
    put_champion(settings, [9000.0] * 4000, first_at=T0 + timedelta(days=2))

    def lose_numbers(*inputs: Any) -> Evaluation:
        evaluation = backtest(*inputs)
        lost = evaluation.pairs["lead"] > knows_nothing
        evaluation.pairs.loc[lost, PROPHET] = np.nan
        return evaluation

    manifest = drafted(settings)
    monkeypatch.setattr(promotion, "backtest", lose_numbers)
    found = faults(settings, manifest.forecast_id)
    assert "mean absolute error inf against" in found[promotion.NO_WORSE]


def test_a_forecast_better_than_the_one_in_use_takes_its_place(settings: Settings) -> None:
    truth = walk()
    write_history(settings, truth)
    first = T0 + timedelta(days=2)
    # it says that the price rises by a fifth in the minute after the next
    levels = [float(truth[2879] or 0), *(float(x or 0) * 1.2 for x in truth[2881:])]
    put_champion(settings, levels, first_at=first, last_price=float(truth[2879] or 0))
    manifest = drafted(settings)
    assert faults(settings, manifest.forecast_id) == {}
    publishing.publish_draft(settings, manifest.forecast_id)
    assert forecast_file.current_id(settings.forecasts) == manifest.forecast_id
    # and itself again is no rival of its own
    checks = promotion.check_promotion(settings, manifest.forecast_id)
    assert checks[-1].detail == "it is the one in use"


def test_windows_that_the_champion_has_seen_are_judged_by_its_recipe(settings: Settings) -> None:
    truth = walk()
    write_history(settings, truth)
    # its file knows the truth, but it was trained until a minute before the end: it has seen all
    first = T0 + timedelta(days=DAYS) - MINUTE
    put_champion(settings, [float(truth[-1] or 0)] * 10, first_at=first)
    manifest = drafted(settings)
    checks = promotion.check_promotion(settings, manifest.forecast_id)
    assert checks[-1].ok
    ours, theirs = checks[-1].detail.split()[3], checks[-1].detail.split()[5]
    assert ours == theirs  # the same days, trained by the same recipe


def test_prices_after_the_end_of_training_change_nothing_of_a_judgement(settings: Settings) -> None:
    prices = walk()
    write_history(settings, prices)
    manifest = drafted(settings)
    before = promotion.check_promotion(settings, manifest.forecast_id)[-3:]
    assert before[0].name == "as good as the last price"
    first_after = T0 + len(prices) * MINUTE
    write_history(settings, [(prices[-1] or 0) * 1.1] * 120, start=first_after)
    assert promotion.check_promotion(settings, manifest.forecast_id)[-3:] == before


def test_models_of_a_single_day_can_be_compared(settings: Settings) -> None:
    write_history(settings, walk())
    for hours in (72, 84):
        as_of = T0 + timedelta(hours=hours)
        manifest = drafted(settings, as_of=as_of, train_days=1)
        if hours == 72:
            publishing.publish_draft(settings, manifest.forecast_id)
    assert (
        "mean absolute error"
        in promotion.check_promotion(settings, manifest.forecast_id)[-1].detail
    )


def test_a_rival_of_another_symbol_or_a_stale_one_does_not_count(settings: Settings) -> None:
    truth = walk()
    write_history(settings, truth)
    put_champion(settings, [float(x or 0) for x in truth[1:]], first_at=T0 + MINUTE)
    manifest = drafted(settings)
    assert "is stale" in promotion.check_promotion(settings, manifest.forecast_id)[-1].detail


def test_a_forecast_trained_earlier_than_the_one_in_use_is_refused(settings: Settings) -> None:
    write_history(settings, walk())
    put_champion(settings, [9000.0] * 60, first_at=datetime(2018, 4, 4, 23, 0, tzinfo=UTC))
    manifest = drafted(settings, as_of=datetime(2018, 4, 4, 12, 0, tzinfo=UTC))
    assert "is trained no earlier than the one in use" in faults(settings, manifest.forecast_id)


def test_a_forecast_that_the_last_price_beats_is_refused_with_that_reason(
    settings: Settings,
) -> None:
    levels = replace(settings, forecast=replace(settings.forecast, likelihood="levels"))
    write_history(levels, walk(6))
    reasons = faults(levels, drafted(levels).forecast_id)
    assert next(iter(reasons)) == "as good as the last price"
    assert "at most 1.02 is allowed" in reasons["as good as the last price"]
    # the same model passes where the owner asks for less
    lenient = replace(levels, forecast=replace(levels.forecast, max_error_ratio=9.0))
    assert "as good as the last price" not in faults(lenient, drafted(lenient).forecast_id)


@pytest.mark.parametrize(("factor", "passes"), [(0.4, False), (1.0, True), (3.0, False)])
def test_a_band_that_covers_too_little_or_too_much_is_refused(
    settings: Settings, factor: float, passes: bool
) -> None:
    write_history(settings, walk(6))
    manifest = drafted(settings)
    redraft(
        settings,
        manifest,
        lambda f: f.assign(
            yhat_lower=f["yhat"] * (f["yhat_lower"] / f["yhat"]) ** factor,
            yhat_upper=f["yhat"] * (f["yhat_upper"] / f["yhat"]) ** factor,
        ),
    )
    assert (
        "its band covers what it promises" not in faults(settings, manifest.forecast_id)
    ) == passes


def test_a_published_forecast_and_the_list_have_the_figures_of_its_judgement(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_history(settings, walk(6))
    manifest = drafted(settings)
    assert manifest.judged == ()
    details = {c.name: c.detail for c in promotion.check_promotion(settings, manifest.forecast_id)}
    judged = publishing.publish_draft(settings, manifest.forecast_id).judged
    assert [one.horizon for one in judged] == [10, 60, 360, 1440]
    ratios = [f"{one.error_ratio:.4f}" for one in judged]
    shares = [f"{one.coverage:.1%}" for one in judged]
    for one, ratio, share in zip(judged, ratios, shares, strict=True):
        assert f"{ratio} up to {one.horizon}" in details["as good as the last price"]
        assert f"{share} up to {one.horizon}" in details["its band covers what it promises"]
    monkeypatch.setattr("cli.trading.from_environment", lambda: settings)
    listed = CliRunner().invoke(cli, ["forecast", "list"]).output
    assert "  ".join(ratios) in listed and "  ".join(shares) in listed
    assert "10, 60, 360, 1440 minutes ahead" in listed
    # one that nobody judged is listed too, without figures
    put_champion(settings, [9000.0] * 60, first_at=T0)
    assert CliRunner().invoke(cli, ["forecast", "list"]).exit_code == 0


def test_the_simulated_market_is_judged_by_enough_origins_not_to_refuse_by_chance() -> None:
    """On these 90 days eight origins gave 1.025 six hours ahead; a first world had no forecast."""
    end_s = int(datetime(2026, 11, 26, 6, 10, tzinfo=UTC).timestamp())
    path = PricePath(seed=Settings().simulator.seed, stream=1, level=70_000.0)
    bars_df = pd.read_csv(StringIO("".join(current_edition(path, days=90, now_s=end_s))))
    traded_df = bars_df[bars_df["Volume"] > 0]
    ds = pd.to_datetime(traded_df["Timestamp"], unit="s").astype("datetime64[ns]")
    prices_df = pd.DataFrame({"ds": ds, "close": traded_df["Close"]}).reset_index(drop=True)
    rules = Settings().forecast
    plan = Plan(rules.judge_windows, rules.judge_window_minutes, timedelta(days=90))
    scores = backtest(prices_df, plan).scores
    ratios = [score.error_ratio for score in scores if score.forecaster == "prophet"]
    assert len(ratios) == 4
    assert max(ratios) <= rules.max_error_ratio

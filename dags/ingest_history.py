"""Brings minute history into the lake.

Reads a CSV of minute bars (Kaggle's editions or Bitfinex bars; a path or an URL), checks it, and
merges it into `history_minutes`. Running it again with the same file changes nothing. With *since*
and *until* it brings in a day or a year of it.

If *stage* or *check* fails, the failed rows are in the first line of its error, and
`history_minutes` is as it was. A file that ends too long ago is refused if
`TICKHOUSE_QUALITY_ARCHIVE_HOURS` is how long.
When it succeeds, `retrain_forecast` starts by itself.
"""

from airflow.sdk import dag

from include.orchestration.assets import HISTORY_MINUTES
from include.orchestration.policies import POLICY, parse_time, step, text_param

PARAMS = {
    "source": text_param("CSV or zip: path, URL or kaggle:OWNER/DATASET; empty: as configured"),
    "symbol": text_param("BASE-QUOTE of the bars, such as BTC-USD; empty: the forecast symbol"),
    "since": text_param("leave out minutes before this time (ISO, UTC); empty: take all"),
    "until": text_param("leave out minutes from this time on (ISO, UTC); empty: take all"),
}


@step()
def stage(params, run_id):
    from include.orchestration.tasks import stage_file

    return stage_file(
        source=params["source"],
        symbol=params["symbol"],
        start_at=parse_time(params["since"]),
        end_at=parse_time(params["until"]),
        run_id=run_id,
    )


@step()
def check(params, run_id):
    from include.orchestration.tasks import check_history

    return check_history(end_at=parse_time(params["until"]), run_id=run_id)


@step(outlets=[HISTORY_MINUTES])
def land(symbol, run_id, outlet_events):
    from include.orchestration.tasks import land_staged

    outlet_events[HISTORY_MINUTES].extra = {"symbol": symbol, "rows": land_staged(run_id=run_id)}


@dag(**POLICY, schedule=None, params=PARAMS, doc_md=__doc__)
def ingest_history():
    staged = stage()
    staged >> check() >> land(staged)


ingest_history()

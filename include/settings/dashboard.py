"""The group of the dashboard's settings."""

from dataclasses import dataclass

from include.setting_fields import POSITIVE, setting
from include.setting_kinds import Amount, ChartMinutes, FloatSeconds, PageUrl, YesOrNo


@dataclass(frozen=True)
class DashboardSettings:
    """The live dashboard."""

    public_url: PageUrl = setting("", "base URL at which people open it; empty: host and port")
    open: YesOrNo = setting(
        "yes",
        "no: `up` does not open the page in the browser of who started it at a terminal",
    )
    refresh_s: FloatSeconds = setting(
        1.0, "seconds between two updates of a viewer's page", POSITIVE
    )
    poll_s: FloatSeconds = setting(3.0, "seconds between two polls of Postgres", POSITIVE)
    query_s: FloatSeconds = setting(
        2.0, "Postgres gives a dashboard query up after so many seconds", POSITIVE
    )
    stale_s: FloatSeconds = setting(
        15.0, "a panel turns grey so many seconds after its feed's last frame"
    )
    feed_quiet_s: FloatSeconds = setting(
        5.0, "a feed's tile shows quiet after so many seconds without a frame"
    )
    quiet_s: FloatSeconds = setting(
        60.0, "a price older than so many seconds counts no more, feed or not"
    )
    minutes: ChartMinutes = setting(30, "minutes shown at first: 15, 30, 60 or 120")
    backfill: Amount = setting(
        20_000, "records before each topic's end that fill the charts at start"
    )
    viewers: Amount = setting(100, "most pages that are open at once; further ones get a sentence")

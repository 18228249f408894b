"""Lengths of time, most in the unit that the product counts in, microseconds; bounds of times."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from include.errors import shorten

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
HOUR_MS = HOUR_US // 1000
DAY_MINUTES = 24 * 60
DAY_US = DAY_MINUTES * MINUTE_US
DAY_S = DAY_US // SECOND_US
DAY_MS = DAY_US // 1000
MINUTE_NS = 1000 * MINUTE_US  # pandas counts in nanoseconds
DAY_NS = 1000 * DAY_US
MINUTE = timedelta(minutes=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALL_TIME = (EPOCH, datetime(2200, 1, 1, tzinfo=UTC))  # a span that leaves nothing out

# A time outside these is a wrong unit, a wrong clock or a forged record, whoever reports it.
EARLIEST_US = 946_684_800 * SECOND_US  # 2000-01-01
LATEST_US = 4_102_444_800 * SECOND_US  # 2100-01-01
AHEAD_US = DAY_US  # how far ahead of its Kafka time a record may speak of
# A venue's clock may be so far ahead of ours; a time beyond that moves nobody's clock.
AHEAD_OF_RECEIPT_US = 60 * SECOND_US
CLOCKS_APART = timedelta(microseconds=AHEAD_OF_RECEIPT_US)
CLOCK_AHEAD_US = 2 * SECOND_US  # further ahead than that, the time of receipt counts


def to_epoch_us(moment_at: datetime) -> int:
    """Whole microseconds since the epoch."""
    return (moment_at - EPOCH) // timedelta(microseconds=1)


def from_epoch_us(epoch_us: int) -> datetime:
    """The aware UTC time of so many microseconds since the epoch, exactly."""
    return EPOCH + timedelta(microseconds=epoch_us)


def parse_iso_time(text: str) -> datetime:
    """An ISO time such as 2026-11-21T08:00 as aware UTC; it is UTC where it names no zone.

    Raises:
        ValueError: it is none, or outside `ALL_TIME`, so that no sum of it with a span overflows.
    """
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except OverflowError:
        raise ValueError(_describe_beyond(text)) from None
    except ValueError:
        raise ValueError(
            f"{shorten(text)!r} is not an ISO time such as 2026-11-21T08:00:00Z"
        ) from None
    if not ALL_TIME[0] <= time <= ALL_TIME[1]:
        raise ValueError(_describe_beyond(text))
    return time


def _describe_beyond(text: str) -> str:
    first, last = (f"{moment_at:%Y-%m-%d}" for moment_at in ALL_TIME)
    return f"{shorten(text)!r} is not a time from {first} to {last} (UTC)"


def believed_receipt(received_us: int, kafka_us: int) -> int:
    """A message's time of receipt; that of its record's stamp if it is further ahead than clocks.

    A stamp that is none (-1) or not plausible shows nothing.
    """
    is_stamped = EARLIEST_US <= kafka_us < LATEST_US
    return kafka_us if is_stamped and received_us > kafka_us + AHEAD_OF_RECEIPT_US else received_us


def newest_believed_at(moments: Iterable[datetime | None], *, now: datetime) -> datetime | None:
    """The newest of times that are not further ahead of the clock than clocks differ.

    Where all are ahead it is our clock that is wrong, and the newest of all counts.
    """
    all_times = [at for at in moments if at is not None]
    believed = [at for at in all_times if at <= now + CLOCKS_APART]
    return max(believed or all_times, default=None)


def is_believable(venue_time: int, received_time: int) -> bool:
    """Whether a venue's time is no farther ahead of its receipt than clocks differ (both in µs).

    How far behind does not matter: a recorded market is years behind.
    """
    return venue_time <= received_time + AHEAD_OF_RECEIPT_US


def may_hold(stamp_us: int, time_us: int) -> bool:
    """Whether a record of that stamp may hold this time; an implausible stamp bounds nothing."""
    latest_us = stamp_us if EARLIEST_US <= stamp_us < LATEST_US else LATEST_US
    return EARLIEST_US <= time_us <= latest_us + AHEAD_OF_RECEIPT_US


def clock_time(venue_time: int, received_time: int) -> int:
    """The time that a message brings its venue's clock to (all in µs).

    It is the venue's own, unless that is further ahead of its receipt than clocks usually differ:
    then it is that of receipt. So one wrong time closes nothing early, and a venue whose clock is
    ahead for good has its windows closed when they are over here.
    """
    is_usual = venue_time <= received_time + CLOCK_AHEAD_US
    return venue_time if is_usual else received_time


@dataclass(frozen=True)
class TimeBound:
    """How far a venue's time may be from the time of receipt; one further off is no time.

    None is before 2000. A recorded market is years behind its receipt, so that is allowed where
    nothing else is set. Without a plausible time of receipt, any up to 2100 is taken.
    """

    ahead_s: float = 300.0
    behind_s: float = 1e9

    def span_us(self, received_us: int) -> tuple[int, int]:
        """The earliest and the latest time, in µs."""
        if not EARLIEST_US <= received_us < LATEST_US:
            return EARLIEST_US, LATEST_US - 1
        earliest = received_us - int(self.behind_s * SECOND_US)
        return max(EARLIEST_US, earliest), received_us + int(self.ahead_s * SECOND_US)


USUAL_BOUND = TimeBound()

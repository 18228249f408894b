"""What is expected of the tables that the stream fills: one suite a question, over the last hours.

The selects take `$since` (window of Kafka time), `$now`, `$band` and `$fresh_s`. Each gives rows
that identify themselves, so that a failed suite can name them.
"""

from include.lake.believed_times import AHEAD, RECEIPT
from include.lake.tables import LANDED, QUARANTINE
from include.lake.views import IS_OF_SUPPLIER
from include.market.feed_entries import QUOTES
from include.market.venues import HEALING, STOPPED, VENUES
from include.quality.suites import Expectation, Suite, expect_columns, expect_true

MARKET = ("trades", "tickers", "book_changes", "quotes")
SOME_ROWS = Expectation("ExpectTableRowCountToBeBetween", {"min_value": 1})
KEY = 'topic, "partition", "offset", event_index'

# What no feed received shows none alive: polled prices of its venue, trades refilled by REST.
IS_REFILLED = f"starts_with(coalesce(conn, ''), '{HEALING}')"
IS_OF_FEED = f"NOT {IS_OF_SUPPLIER} AND NOT {IS_REFILLED}"

ONE_TABLE = """
    SELECT '{name}' AS table_name, count(*) AS records,
        count(*) - count(DISTINCT ({key})) AS doubled
    FROM {name} WHERE kafka_time > $since"""
OFFSETS = Suite(
    name="offsets",
    select=" UNION ALL ".join(ONE_TABLE.format(name=name, key=KEY) for name in MARKET),
    row=("table_name", "records", "doubled"),
    expectations=(
        SOME_ROWS,
        *expect_columns("ExpectColumnValuesToBeBetween", "doubled", max_value=0),
    ),
)

PRICES = Suite(
    name="prices",
    select="""
        WITH suppliers AS (
            SELECT split_part(symbol, '-', 1) || '-' || currency AS symbol,
                date_trunc('minute', coalesce(venue_time, received_time)) AS minute,
                median(price::DOUBLE) AS average
            FROM quotes WHERE kafka_time > $since GROUP BY ALL),
        traded AS (
            SELECT venue, symbol, date_trunc('minute', traded_at) AS minute,
                median(price::DOUBLE) AS price
            FROM trades WHERE kafka_time > $since AND condition IS NULL GROUP BY ALL)
        SELECT venue, symbol, minute, price, average, price / average - 1 AS off,
            abs(price / average - 1) <= $band AS within_band
        FROM traded JOIN suppliers USING (symbol, minute) ORDER BY ALL""",
    row=("venue", "symbol", "minute", "price", "average"),
    expectations=(SOME_ROWS, *expect_true("within_band")),
)

# Every minute is expected of the symbols that had trades within a week, up to where a table is
# stale. One without a trade is explained if other messages of its symbol came in it (no trade was
# made), or by the symbol's own ledger: an entry in that minute, or an outage that began before it
# and had not ended. One that is not complete is explained by a hole reported in it or later.
MINUTES = Suite(
    name="minutes",
    select=f"""
        WITH known AS (
            SELECT venue, symbol, minute, complete FROM trade_minutes WHERE minute > $since),
        spans AS (
            SELECT venue, symbol,
                greatest(min(minute), date_trunc('minute', $since) + INTERVAL 1 MINUTE) AS first,
                greatest(max(minute), date_trunc('minute', $now - to_seconds($fresh_s))) AS last
            FROM trade_minutes WHERE minute > $now - INTERVAL 7 DAY AND minute <= $now
            GROUP BY ALL),
        every AS (
            SELECT venue, symbol,
                unnest(generate_series(first, last, INTERVAL 1 MINUTE)) AS minute FROM spans),
        alive AS (
            SELECT DISTINCT venue, symbol, date_trunc('minute', {RECEIPT}) AS minute,
                true AS alive
            FROM (SELECT venue, symbol, received_time, kafka_time, conn FROM tickers UNION ALL
                  SELECT venue, symbol, received_time, kafka_time, conn FROM book_changes)
            WHERE kafka_time > $since AND {IS_OF_FEED}),
        ledger AS (
            SELECT venue, symbol, date_trunc('minute', {RECEIPT}) AS minute,
                arg_max(entry, ({RECEIPT}, "offset")) IN ('disconnect', 'stale') AS open
            FROM market_ledger WHERE entry NOT IN ('healed', 'lost') GROUP BY ALL),
        holes AS (
            SELECT venue, symbol, max({RECEIPT}) AS reported_at FROM market_ledger
            WHERE {RECEIPT} <= $now + {AHEAD}
                AND entry IN ('gap', 'jump', 'renumbered', 'dropped') GROUP BY ALL)
        SELECT every.venue, every.symbol, every.minute,
            CASE WHEN known.minute IS NULL THEN 'absent'
                 WHEN known.complete IS false THEN 'incomplete' ELSE 'whole' END AS state,
            coalesce(known.complete, known.minute IS NOT NULL, false)
                OR (known.minute IS NULL AND coalesce(alive, false))
                OR coalesce(ledger.minute = every.minute, false)
                OR coalesce(ledger.open, false)
                OR (known.complete IS false AND coalesce(reported_at >= every.minute, false))
                AS explained
        FROM every LEFT JOIN known USING (venue, symbol, minute)
        LEFT JOIN holes USING (venue, symbol)
        LEFT JOIN alive USING (venue, symbol, minute)
        ASOF LEFT JOIN ledger ON ledger.venue = every.venue AND ledger.symbol = every.symbol
            AND every.minute >= ledger.minute
        ORDER BY ALL""",
    row=("venue", "symbol", "minute", "state"),
    expectations=(SOME_ROWS, *expect_true("explained")),
)

# Of each table, and of each venue over all of them: of its feed apart from its polled prices. A
# venue of which nothing came for a week is followed no more. A record that Kafka stamped ahead of
# now has no age: it would be fresh for ever. Refilled trades and heartbeats are no news.
IS_NEWS = f"kafka_time <= $now + {AHEAD} AND NOT {IS_REFILLED} AND kind <> 'heartbeat'"
FEEDS = ", ".join(f"'{venue}'" for venue in VENUES)
SOURCE = f"CASE WHEN {IS_OF_SUPPLIER} AND venue IN ({FEEDS}) THEN '{QUOTES} of ' ELSE '' END"
ONE_AGE = f"""
    SELECT '{{name}}' AS table_name, '' AS venue, max(kafka_time) FILTER ({IS_NEWS}) AS newest
    FROM {{name}}"""
ONE_OF_VENUES = f"""
    SELECT {SOURCE} || venue AS venue, kafka_time FROM {{name}}
    WHERE kafka_time > $now - INTERVAL 7 DAY AND {IS_NEWS}"""
FRESHNESS = Suite(
    name="freshness",
    select=f"""
        WITH every AS ({" UNION ALL ".join(ONE_OF_VENUES.format(name=name) for name in MARKET)}),
        ages AS (
            {" UNION ALL ".join(ONE_AGE.format(name=name) for name in MARKET)}
            UNION ALL SELECT 'any', venue, max(kafka_time) FROM every GROUP BY venue)
        SELECT table_name, venue, newest, epoch($now) - epoch(newest) AS age_s,
            coalesce(epoch($now) - epoch(newest) <= $fresh_s, false) AS fresh
        FROM ages ORDER BY ALL""",
    row=("table_name", "venue", "newest", "age_s"),
    expectations=(SOME_ROWS, *expect_true("fresh")),
)

# Of each symbol in each table, however fresh the venue and the table are with others: how many
# minutes with rows are missing since the last one, by the share of minutes that had some before.
# For trades that is the share of a day (an illiquid symbol has few), else that of the window. What
# was stopped on purpose, by the ledger, is not missed.
MISSED_MINUTES = 30  # so many in a row are missing by chance in no market
ONE_OF_SYMBOLS = f"""
    SELECT DISTINCT '{{name}}' AS table_name, {SOURCE} || venue AS venue, symbol,
        date_trunc('minute', kafka_time) AS minute
    FROM {{name}} WHERE kafka_time > $since AND {IS_NEWS}"""
SILENCE = Suite(
    name="silence",
    select=f"""
        WITH heard AS (
            SELECT 'trades' AS table_name, venue, symbol, minute FROM trade_minutes
            WHERE minute > $now - INTERVAL 1 DAY AND minute <= $now + {AHEAD}
            UNION ALL
            {" UNION ALL ".join(ONE_OF_SYMBOLS.format(name=name) for name in MARKET[1:])}),
        spans AS (
            SELECT table_name, venue, symbol, max(minute) AS newest, count(*) AS minutes,
                count(*) / (1 + date_diff('minute', min(minute), max(minute))) AS share
            FROM heard GROUP BY ALL),
        stops AS (
            SELECT {SOURCE} || venue AS venue, symbol,
                arg_max(entry || ' ' || coalesce(cause, ''), ({RECEIPT}, "offset"))
                    = 'disconnect {STOPPED}' AS stopped
            FROM feed_ledger GROUP BY ALL),
        missing AS (
            SELECT *, round(share * greatest(date_diff('minute', newest, $now), 0)) AS missed
            FROM spans)
        SELECT table_name, venue, symbol, newest, missed,
            least(missed, minutes) < {MISSED_MINUTES} OR coalesce(stopped, false) AS heard
        FROM missing LEFT JOIN stops USING (venue, symbol) ORDER BY ALL""",
    row=("table_name", "venue", "symbol", "newest", "missed"),
    expectations=(SOME_ROWS, *expect_true("heard")),
)

SUITES = (OFFSETS, PRICES, MINUTES, FRESHNESS, SILENCE)
READ = (*(table.name for table in LANDED), QUARANTINE.name, "trade_minutes")

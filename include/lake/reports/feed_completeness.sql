-- Can the data of each venue be relied on? Its ledger in numbers, beside its complete minutes.
-- Where a venue is polled for prices, that is one of its own: `gemini quotes`.
-- `missing` sums the sequence numbers that gaps lost; `healed` counts holes refilled since.
-- `complete_share` is of the minutes that had trades and of which it is known.
WITH entries AS (
    SELECT * FROM market_ledger
    UNION ALL
    SELECT * REPLACE (venue || ' quotes' AS venue) FROM quotes_ledger
),
ledger AS (
    SELECT
        venue,
        count(*) FILTER (entry = 'connect') AS connects,
        count(*) FILTER (entry = 'disconnect') AS disconnects,
        count(*) FILTER (entry = 'gap') AS gaps,
        sum(last_seq - first_seq + 1) FILTER (entry = 'gap') AS missing,
        count(*) FILTER (entry = 'healed') AS healed,
        count(*) FILTER (entry = 'stale') AS stale,
        count(*) FILTER (entry = 'dropped') AS dropped,
        max(received_time) AS newest_entry
    FROM entries
    WHERE received_time >= $first AND received_time < $until
    GROUP BY venue
),
minutes AS (
    SELECT
        venue,
        count(*) AS minutes,
        round(count(*) FILTER (complete) / nullif(count(complete), 0), 4) AS complete_share
    FROM trade_minutes
    WHERE minute >= $first AND minute < $until
    GROUP BY venue
)
SELECT
    venue,
    coalesce(connects, 0) AS connects,
    coalesce(disconnects, 0) AS disconnects,
    coalesce(gaps, 0) AS gaps,
    coalesce(missing, 0)::BIGINT AS missing,
    coalesce(healed, 0) AS healed,
    coalesce(stale, 0) AS stale,
    coalesce(dropped, 0) AS dropped,
    coalesce(minutes, 0) AS trade_minutes,
    complete_share,
    newest_entry
FROM ledger FULL JOIN minutes USING (venue)
ORDER BY venue

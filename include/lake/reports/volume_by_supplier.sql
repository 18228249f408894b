-- Where is each symbol traded, and what does each supplier report? Base units landed trade by trade and
-- each venue's share of its symbol; the venue's own figure of the last 24 hours, from its newest
-- ticker; and how many prices a polled supplier gave.
WITH traded AS (
    SELECT
        symbol,
        venue,
        sum(total_count_buy) + sum(total_count_sell) AS trades,
        sum(total_base_buy) + sum(total_base_sell) AS base_volume
    FROM trade_minutes
    WHERE minute >= $first AND minute < $until
    GROUP BY symbol, venue
),
reported AS (
    SELECT symbol, venue, arg_max(base_volume, received_time) AS reported_volume_24h
    FROM tickers
    WHERE event_index >= 0 AND received_time >= $first AND received_time < $until
    GROUP BY symbol, venue
),
polled AS (
    SELECT symbol, venue, count(*) AS quotes
    FROM quotes
    WHERE event_index >= 0 AND received_time >= $first AND received_time < $until
    GROUP BY symbol, venue
)
SELECT
    symbol,
    venue,
    coalesce(trades, 0) AS trades,
    coalesce(base_volume, 0) AS base_volume,
    round(base_volume::DOUBLE / sum(base_volume::DOUBLE) OVER (PARTITION BY symbol), 4) AS share,
    reported_volume_24h,
    coalesce(quotes, 0) AS quotes
FROM traded FULL JOIN reported USING (symbol, venue) FULL JOIN polled USING (symbol, venue)
ORDER BY symbol, base_volume DESC, venue

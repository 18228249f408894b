-- Which supplier's price is off? Per hour and currency: how far each one's quotes lay from the median
-- of all suppliers in the same minute, in basis points (positive: dearer).
WITH minutes AS (
    SELECT
        epoch_us(received_time) // 60000000 AS minute,
        symbol,
        currency,
        venue,
        arg_max(price::DOUBLE, epoch_us(received_time)) AS price
    FROM quotes
    WHERE event_index >= 0 AND received_time >= $first AND received_time < $until
    GROUP BY 1, 2, 3, 4
),
beside AS (
    SELECT *, median(price) OVER (PARTITION BY minute, symbol, currency) AS middle
    FROM minutes
)
SELECT
    make_timestamptz(minute // 60 * 3600000000) AS hour,
    symbol,
    currency,
    venue,
    count(*) AS minutes,
    round(avg(price / middle - 1) * 10000, 2) AS mean_bps,
    round(max(abs(price / middle - 1)) * 10000, 2) AS farthest_bps
FROM beside
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4

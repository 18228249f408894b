-- How wrong are the published forecasts, by how far they look ahead?
-- Every forecast minute that has since been traded, against the close of that minute (the mean over
-- the venues that trade the symbol). `naive_error` is that of "the last price stays", taken at the
-- last minute the model saw; `inside_bounds` should be near 0.8.
WITH actual AS (
    SELECT symbol, epoch_us(minute) // 60000000 AS minute, avg(close::DOUBLE) AS price
    FROM trade_minutes
    WHERE minute >= $first AND minute < $until
    GROUP BY 1, 2
),
starts AS (
    SELECT forecast_id, symbol, epoch_us(any_value(trained_until)) // 60000000 AS trained
    FROM forecasts
    GROUP BY 1, 2
),
known AS (
    SELECT symbol, minute, price FROM actual
    UNION ALL
    SELECT symbol, epoch_us(minute) // 60000000, close::DOUBLE FROM history_minutes
    WHERE close IS NOT NULL AND minute IN (SELECT make_timestamptz(trained * 60000000) FROM starts)
),
lasts AS (
    SELECT starts.forecast_id, starts.symbol, known.price AS naive_price
    FROM starts ASOF LEFT JOIN known
        ON starts.symbol = known.symbol AND starts.trained >= known.minute
),
predicted AS (
    SELECT  -- unfiltered until the end: the planner then hashes the few starts, not the many points
        *,
        epoch_us(ds) // 60000000 AS minute,
        (epoch_us(ds) - epoch_us(trained_until)) // 60000000 AS ahead
    FROM forecasts LEFT JOIN lasts USING (forecast_id, symbol)
),
errors AS (
    SELECT
        forecast_id,
        symbol,
        CASE
            WHEN ahead <= 0 THEN 0
            WHEN ahead <= 60 THEN 1
            WHEN ahead <= 360 THEN 2
            WHEN ahead <= 1440 THEN 3
            WHEN ahead <= 10080 THEN 4
            ELSE 5
        END AS reach,
        count(*) AS minutes,
        sum(abs(yhat - price)) AS error,
        sum(abs(yhat - price) / price) AS share,
        sum(abs(naive_price - price)) AS naive,
        count(*) FILTER (price BETWEEN yhat_lower AND yhat_upper) AS inside
    FROM predicted JOIN actual USING (symbol, minute)
    GROUP BY 1, 2, 3
)
SELECT
    symbol,
    ['1: up to an hour', '2: up to 6 hours', '3: up to a day', '4: up to a week', '5: beyond'][reach]
        AS horizon,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS forecasts,
    round(sum(error) / sum(minutes), 4) AS mean_error,
    round(sum(share) / sum(minutes) * 100, 4) AS mean_error_percent,
    round(sum(naive) / sum(minutes), 4) AS naive_error,
    round(sum(inside) / sum(minutes), 4) AS inside_bounds
FROM errors
GROUP BY symbol, reach
HAVING min(reach) > 0
ORDER BY 1, 2

-- How wrong are the published forecasts, by how far they look ahead?
-- Every forecast minute that has since been traded, against the close of that minute (the mean over
-- the venues that trade the symbol). `naive_error` is that of "the last price stays", taken at the
-- last minute the model saw; `inside_bounds` should be near 0.8.
WITH actual AS (
    SELECT symbol, minute, avg(close)::DOUBLE AS price
    FROM trade_minutes
    WHERE minute >= $first AND minute < $until
    GROUP BY symbol, minute
),
starts AS (
    SELECT DISTINCT forecast_id, symbol, trained_until FROM forecasts
),
known AS (
    SELECT symbol, minute, price FROM actual
    UNION ALL
    SELECT symbol, minute, close::DOUBLE FROM history_minutes
    WHERE close IS NOT NULL AND minute IN (SELECT trained_until FROM starts)
),
lasts AS (
    SELECT starts.forecast_id, starts.symbol, known.price AS last_price
    FROM starts ASOF LEFT JOIN known
        ON starts.symbol = known.symbol AND starts.trained_until >= known.minute
),
errors AS (
    SELECT
        symbol,
        (epoch_us(ds) - epoch_us(trained_until)) // 60000000 AS ahead,
        abs(yhat - price) AS error,
        price,
        forecast_id,
        price BETWEEN yhat_lower AND yhat_upper AS inside
    FROM forecasts JOIN actual USING (symbol)
    WHERE forecasts.ds = actual.minute AND ds > trained_until
)
SELECT
    symbol,
    CASE
        WHEN ahead <= 60 THEN '1: up to an hour'
        WHEN ahead <= 360 THEN '2: up to 6 hours'
        WHEN ahead <= 1440 THEN '3: up to a day'
        WHEN ahead <= 10080 THEN '4: up to a week'
        ELSE '5: beyond'
    END AS horizon,
    count(*) AS minutes,
    count(DISTINCT forecast_id) AS forecasts,
    round(avg(error), 4) AS mean_error,
    round(avg(error / price) * 100, 4) AS mean_error_percent,
    round(avg(abs(last_price - price)), 4) AS naive_error,
    round(avg(inside::INTEGER), 4) AS inside_bounds
FROM errors JOIN lasts USING (forecast_id, symbol)
GROUP BY 1, 2
ORDER BY 1, 2

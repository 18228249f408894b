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
        forecast_id,
        symbol,
        CASE
            WHEN ds <= trained_until + INTERVAL 1 HOUR THEN '1: up to an hour'
            WHEN ds <= trained_until + INTERVAL 6 HOUR THEN '2: up to 6 hours'
            WHEN ds <= trained_until + INTERVAL 1 DAY THEN '3: up to a day'
            WHEN ds <= trained_until + INTERVAL 7 DAY THEN '4: up to a week'
            ELSE '5: beyond'
        END AS horizon,
        count(*) AS minutes,
        sum(abs(yhat - price)) AS error,
        sum(abs(yhat - price) / price) AS share,
        sum(abs(last_price - price)) AS naive,
        count(*) FILTER (price BETWEEN yhat_lower AND yhat_upper) AS inside
    FROM forecasts
        JOIN actual USING (symbol)
        JOIN lasts USING (forecast_id, symbol)
    WHERE forecasts.ds = actual.minute AND ds > trained_until
    GROUP BY 1, 2, 3
)
SELECT
    symbol,
    horizon,
    sum(minutes)::BIGINT AS minutes,
    count(*) AS forecasts,
    round(sum(error) / sum(minutes), 4) AS mean_error,
    round(sum(share) / sum(minutes) * 100, 4) AS mean_error_percent,
    round(sum(naive) / sum(minutes), 4) AS naive_error,
    round(sum(inside) / sum(minutes), 4) AS inside_bounds
FROM errors
GROUP BY 1, 2
ORDER BY 1, 2

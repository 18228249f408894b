-- How often was the forecast's `side` right? Per published forecast, over the minutes since traded.
-- A `buy` is right if the next minute's close is above this minute's, a `sell` if it is below;
-- minutes without a change, or without a next one, don't count. Closes are means over venues.
-- `always_buy` is the rate of someone who always says buy: a forecast has to beat it.
WITH closes AS (
    SELECT symbol, minute, avg(close)::DOUBLE AS price
    FROM trade_minutes
    WHERE minute >= $first AND minute < $until
    GROUP BY symbol, minute
),
moves AS (
    SELECT
        symbol,
        minute,
        CASE
            WHEN lead(minute) OVER next = minute + INTERVAL 1 MINUTE
            THEN lead(price) OVER next - price
        END AS change
    FROM closes
    WINDOW next AS (PARTITION BY symbol ORDER BY minute)
)
SELECT
    forecast_id,
    symbol,
    any_value(trained_until) AS trained_until,
    count(*) AS minutes,
    count(*) FILTER ((side = 'buy') = (change > 0)) AS hits,
    round(count(*) FILTER ((side = 'buy') = (change > 0)) / count(*), 4) AS hit_rate,
    round(count(*) FILTER (change > 0) / count(*), 4) AS always_buy
FROM forecasts JOIN moves USING (symbol)
WHERE forecasts.ds = moves.minute AND change <> 0 AND ds > trained_until
GROUP BY forecast_id, symbol
ORDER BY trained_until, forecast_id

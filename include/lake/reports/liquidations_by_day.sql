-- Whose positions were closed by force, day by day? Trades of which an order was a liquidation.
-- `bought` and `sold` are the base units that liquidations bought (short positions closed) and sold
-- (long ones); `share` is theirs in all base units traded that day, in percent. UTC.
SELECT
    DATE '1970-01-01' + CAST(epoch_us(minute) // 86400000000 AS INTEGER) AS day,
    venue,
    symbol,
    sum(liquidation_count) AS trades,
    sum(liquidated_base_buy) AS bought,
    sum(liquidated_base_sell) AS sold,
    round(100 * (sum(liquidated_base_buy) + sum(liquidated_base_sell))::DOUBLE
          / (sum(total_base_buy) + sum(total_base_sell))::DOUBLE, 4) AS share
FROM trade_minutes
WHERE minute >= $first AND minute < $until
GROUP BY 1, 2, 3
HAVING sum(liquidation_count) > 0
ORDER BY 1, 2, 3

-- What did the trader earn, day by day, beside having bought once and held?
-- Profit is after fees; days are the market's (the sale's own time), UTC. The last two columns stand
-- at the day's last sale: a positive `ahead_of_holding` means that trading beat holding until then.
SELECT
    DATE '1970-01-01' + CAST(epoch_us(coalesce(venue_time, received_time)) // 86400000000 AS INTEGER)
        AS day,
    symbol,
    count(*) AS sales,
    count(*) FILTER (profit > 0) AS winning,
    sum(profit) AS profit,
    arg_max(cumulative_profit, ROW(coalesce(venue_time, received_time), "offset"))
        AS cumulative_profit,
    arg_max(hold_profit, ROW(coalesce(venue_time, received_time), "offset")) AS hold_profit,
    arg_max(cumulative_profit - hold_profit,
            ROW(coalesce(venue_time, received_time), "offset")) AS ahead_of_holding
FROM scores
WHERE event_index >= 0
    AND coalesce(venue_time, received_time) >= $first
    AND coalesce(venue_time, received_time) < $until
GROUP BY 1, 2
ORDER BY 1, 2

-- At what price were auctions held, and how far from the continuous book? Each result once.
-- `from_mid_bps` is the auction's price against the middle of best bid and ask then, in basis points;
-- a failure has no price. UTC.
SELECT DISTINCT
    published_at,
    venue,
    symbol,
    result,
    price,
    quantity,
    highest_bid,
    lowest_ask,
    round((price / ((highest_bid + lowest_ask) / 2) - 1)::DOUBLE * 10000, 4) AS from_mid_bps
FROM auctions
WHERE phase = 'result' AND event_index >= 0 AND published_at >= $first AND published_at < $until
ORDER BY published_at, venue, symbol

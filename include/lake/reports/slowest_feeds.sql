-- Which feeds are slow, and where? Milliseconds from the venue's time to our receipt, and from there
-- to Kafka; half of the messages were faster than `p50`, one in a hundred slower than `p99`.
-- Negative means that the two clocks differ. A tape's receipt times are its recording's.
WITH told AS (
    SELECT venue, 'trades' AS what, venue_time, received_time, kafka_time
    FROM trades WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    UNION ALL
    SELECT venue, 'book', venue_time, received_time, kafka_time
    FROM book_changes WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    UNION ALL
    SELECT venue, 'tickers', venue_time, received_time, kafka_time
    FROM tickers WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
    UNION ALL
    SELECT venue, 'quotes', venue_time, received_time, kafka_time
    FROM quotes WHERE event_index <= 0 AND received_time >= $first AND received_time < $until
),
delays AS (
    SELECT
        venue,
        what,
        (epoch_us(received_time) - epoch_us(venue_time)) / 1000.0 AS venue_ms,
        (epoch_us(kafka_time) - epoch_us(received_time)) / 1000.0 AS kafka_ms
    FROM told
),
grouped AS (
    SELECT
        venue,
        what,
        count(*) AS messages,
        quantile_cont(venue_ms, [0.5, 0.99]) AS venue_ms,
        quantile_cont(kafka_ms, [0.5, 0.99]) AS kafka_ms
    FROM delays
    GROUP BY venue, what
)
SELECT
    venue,
    what,
    messages,
    round(venue_ms[1], 1) AS venue_p50_ms,
    round(venue_ms[2], 1) AS venue_p99_ms,
    round(kafka_ms[1], 1) AS kafka_p50_ms,
    round(kafka_ms[2], 1) AS kafka_p99_ms
FROM grouped
ORDER BY venue_p99_ms DESC NULLS LAST, venue, what

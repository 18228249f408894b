-- What could not be read, and why? Quarantined records by topic and reason, the most frequent first.
-- `./tickhouse quarantine requeue` reads them again after a fix.
SELECT
    topic,
    reason,
    count(*) AS records,
    sum(octet_length(value))::BIGINT AS bytes,
    min(kafka_time) AS first_at,
    max(kafka_time) AS last_at,
    max(schema_version) AS schema_version,
    arg_max(detail, ROW(kafka_time, "offset")) AS newest_detail
FROM quarantine
WHERE kafka_time >= $first AND kafka_time < $until
GROUP BY topic, reason
ORDER BY records DESC, topic, reason

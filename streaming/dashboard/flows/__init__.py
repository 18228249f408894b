"""The page of what flows: messages per topic over time, and single records of Kafka."""

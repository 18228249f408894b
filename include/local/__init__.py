"""The one-machine platform: jars, Kafka, Postgres, Airflow and their supervisor."""

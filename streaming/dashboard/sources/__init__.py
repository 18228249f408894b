"""Where the state comes from: Kafka, Postgres, files; each goes on while another is unreachable."""

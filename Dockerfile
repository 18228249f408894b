# One image for every process of Tickhouse but Kafka and PostgreSQL, which have their own.
FROM python:3.11-slim-bookworm

RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 tickhouse \
    && install -d -o tickhouse /opt/tickhouse /opt/tickhouse/var
USER tickhouse
WORKDIR /opt/tickhouse

# The environment and the jars first: they change less often than the code.
COPY --chown=tickhouse pyproject.toml uv.lock ivy.xml tickhouse README.md ./
COPY --chown=tickhouse bench ./bench
COPY --chown=tickhouse cli ./cli
COPY --chown=tickhouse include ./include
COPY --chown=tickhouse spark_jobs ./spark_jobs
COPY --chown=tickhouse streaming ./streaming
RUN ./tickhouse --help >/dev/null \
    && .venv/bin/python -c "from include.local.jars import ensure_jars; ensure_jars()"
COPY --chown=tickhouse dags ./dags
COPY --chown=tickhouse plugins ./plugins

ENV PATH=/opt/tickhouse/.venv/bin:$PATH PYTHONUNBUFFERED=1 TZ=UTC
ENTRYPOINT []
CMD ["./tickhouse", "--help"]

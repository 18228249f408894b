# One image for every process of Tickhouse but Kafka and PostgreSQL, which have their own.
# Stages: what changes seldom comes first, and only what runs is in the last one.
FROM python:3.11-slim-bookworm AS base

# Debian keeps no older version of a package, which a pin would ask for.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends openjdk-17-jre-headless procps \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 tickhouse \
    && install -d -o tickhouse /opt/tickhouse /opt/tickhouse/var
USER 1000
WORKDIR /opt/tickhouse
ENV UV_NO_CACHE=1 UV_NO_DEV=1 UV_SYSTEM_CERTS=1 PIP_NO_CACHE_DIR=1 PYTHONUNBUFFERED=1 TZ=UTC
ENV PATH=/opt/tickhouse/.venv/bin:$PATH

# The environment follows from the lock alone: no change of the sources makes it anew.
FROM base AS dependencies
COPY --chown=tickhouse pyproject.toml uv.lock ./
RUN python -m venv .venv \
    && .venv/bin/python -m pip --disable-pip-version-check install --quiet uv \
    && UV_PROJECT_ENVIRONMENT=.venv .venv/bin/uv sync --frozen --inexact --no-install-project

FROM dependencies AS jars
COPY --chown=tickhouse ivy.xml ./
COPY --chown=tickhouse include ./include
COPY --chown=tickhouse spark_jobs/java ./spark_jobs/java
RUN .venv/bin/python -c "from include.local.jars import ensure_jars; ensure_jars(uses_s3=True)"

FROM base
COPY --from=dependencies --chown=tickhouse /opt/tickhouse/.venv ./.venv
COPY --from=jars --chown=tickhouse /opt/tickhouse/.venv/jars ./.venv/jars
COPY --chown=tickhouse pyproject.toml uv.lock ivy.xml tickhouse README.md ./
COPY --chown=tickhouse bench ./bench
COPY --chown=tickhouse cli ./cli
COPY --chown=tickhouse include ./include
COPY --chown=tickhouse spark_jobs ./spark_jobs
COPY --chown=tickhouse streaming ./streaming
RUN ./tickhouse --help >/dev/null
COPY --chown=tickhouse dags ./dags
COPY --chown=tickhouse plugins ./plugins

ENTRYPOINT []
CMD ["./tickhouse", "--help"]

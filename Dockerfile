# Tidings as an image: one for every role, chosen by the command (`up`, `api`, `worker`, `migrate` …).
# Everything is installed by hash from the lock; the build tools too.

FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
# The embedded PostgreSQL stays in: `up` works without a database beside it, and `backup` has pg_dump of the newest version.
RUN python -m venv /opt/tidings \
    && /opt/tidings/bin/pip install --require-hashes --requirement requirements.lock \
    && python -m venv /opt/build \
    && /opt/build/bin/pip install --require-hashes --requirement requirements-build.lock
COPY pyproject.toml README.md ./
COPY src src
COPY examples examples
COPY docs/channels docs/channels
RUN /opt/build/bin/python -m hatchling build --target wheel --directory /build/dist \
    && /opt/tidings/bin/pip install --no-deps --no-index /build/dist/*.whl

FROM python:3.13-slim
# The library for linked WhatsApp devices tells files' types by libmagic, which its wheel does not bring.
RUN apt-get update && apt-get install --yes --no-install-recommends libmagic1 && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 8710 --user-group --create-home --home-dir /var/lib/tidings tidings
COPY --from=build /opt/tidings /opt/tidings
ENV PATH=/opt/tidings/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TIDINGS_HOME=/var/lib/tidings \
    TIDINGS_HOST=0.0.0.0 \
    TIDINGS_PORT=8710 \
    TIDINGS_LOG_FORMAT=json
USER tidings
WORKDIR /var/lib/tidings
VOLUME /var/lib/tidings
EXPOSE 8710
# For `up` and `api`. A worker answers no requests: compose.yaml checks it by its heartbeat instead.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"TIDINGS_PORT\"]}/health', timeout=4)"]
# What is in the air gets its time: a provider's own time-out is 30 seconds. Set your orchestrator's grace period above it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tidings"]
CMD ["up"]

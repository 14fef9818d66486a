# The advisor on processors: docker build --tag adaptation-advisor .
FROM python:3.11-slim-bookworm

# pg_dump and pg_restore, for `advisor backup` where the database is PostgreSQL.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/advisor
COPY requirements.lock ./
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu torch==2.13.0 \
    && pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY rules ./rules
COPY evaluation ./evaluation
COPY adapters ./adapters
COPY service ./service
COPY examples ./examples
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

RUN useradd --create-home --uid 10001 advisor \
    && install --directory --owner advisor --group advisor --mode 700 /data /cache
USER advisor
ENV ADVISOR_DATA_FOLDER=/data ADVISOR_CACHE_FOLDER=/cache ADVISOR_LOG=json
VOLUME /data /cache
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["advisor"]
CMD ["serve", "--host", "0.0.0.0"]

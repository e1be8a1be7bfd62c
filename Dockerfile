# One image; every process of the platform is a command of it (see deploy/compose/compose.yaml).
FROM python:3.11-slim-bookworm AS packages

WORKDIR /app
RUN pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --compile-bytecode --no-python-downloads

FROM python:3.11-slim-bookworm

RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin myili \
    && install --directory --owner 10001 /packages /ledger-anchors /anchors
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY chassis chassis
COPY kit kit
COPY contracts contracts
COPY gateway gateway
COPY svc_identity svc_identity
COPY svc_services svc_services
COPY svc_payments svc_payments
COPY svc_miniapps svc_miniapps
COPY deploy/__init__.py deploy/kafka_acls.py deploy/kafka_scram.py deploy/
COPY deploy/evidence deploy/evidence
COPY deploy/local/__init__.py deploy/local/
COPY deploy/local/sandboxes deploy/local/sandboxes

ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PORT=8000
USER 10001
EXPOSE 8000
# The gateway, the services and the workers (at MYILI_WORKER_PORT) all answer /livez; PORT says where.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/livez', timeout=2)"]
CMD ["uvicorn", "--factory", "gateway.app:create_app", "--host", "0.0.0.0", "--port", "8000", "--loop", "uvloop", "--http", "gateway.connection:ClientConnection", "--no-access-log", "--no-server-header", "--no-proxy-headers", "--timeout-graceful-shutdown", "5"]

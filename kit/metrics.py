"""/metrics of an API process, on a port of its own that is never the public one."""

import contextlib
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, FastAPI
from prometheus_client import start_http_server

from chassis.settings import ProcessSettings


@contextlib.contextmanager
def metrics_served(settings: ProcessSettings) -> Iterator[None]:
    """Serve /metrics while the block runs, if the settings name a port.

    Raises:
        OSError: the port cannot be bound.
    """
    if settings.metrics_port is None:
        yield
        return
    server, thread = start_http_server(settings.metrics_port, settings.metrics_host)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.asynccontextmanager
async def _with_metrics(app: FastAPI) -> AsyncIterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(metrics_served(app.state.settings))
        except OSError as error:
            raise SystemExit(f"MYILI_METRICS_PORT: {error.strerror}") from None
        yield


metrics = APIRouter(lifespan=_with_metrics)
"""A router without routes: an application that includes it serves /metrics while it runs."""

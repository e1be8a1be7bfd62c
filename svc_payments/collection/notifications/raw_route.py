from collections.abc import Awaitable, Callable

from fastapi import Request, Response
from fastapi.routing import APIRoute


class RawRoute(APIRoute):
    """A route whose endpoint takes the raw request and returns the response, for the busiest endpoints.

    It is in the contract and guarded like every other; only that FastAPI resolves no dependencies for it and
    makes no response of what it returns, which took a quarter of the service's time (docs/performance.md).
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]  # a coroutine
        handler: Callable[[Request], Awaitable[Response]] = self.endpoint
        return handler

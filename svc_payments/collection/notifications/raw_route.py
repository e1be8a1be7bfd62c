from collections.abc import Awaitable, Callable
from typing import cast

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send


class RawRoute(APIRoute):
    """A route whose endpoint takes the raw request and returns the response, for the busiest endpoints.

    It is in the contract and guarded like every other; only that FastAPI resolves no dependencies for it and
    makes no response of what it returns, which took a quarter of the service's time (docs/performance.md). A refusal
    that it raises is answered by the application, one layer further out.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)
            return
        endpoint = cast("Callable[[Request], Awaitable[Response]]", self.endpoint)
        response = await endpoint(Request(scope, receive, send))
        await response(scope, receive, send)

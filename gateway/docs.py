"""The gateway's own pages: documentation of all services on one page, and health.

Every asset is served from here, most of them out of the installed `fastapi_offline`, which bundles Swagger UI; the
Content-Security-Policy enforces this in the browser.
"""

import gzip
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import Template

import fastapi_offline
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import problems
from chassis.problems import MethodNotAllowed, Problem
from chassis.telemetry import RequestContext, request_id
from gateway.my_data import PATH, MyDataFile
from gateway.refusals import PRIVATE, NoSuchEndpoint, rendered
from gateway.routing import UNROUTED, Contract
from kit.etags import etag_of_content, is_known

_OWN_FILES = Path(__file__).parent / "pages"
_SWAGGER_FILES = Path(fastapi_offline.__file__).parent / "static"
_ASSETS = (
    *(_SWAGGER_FILES / name for name in ("swagger-ui-bundle.js", "swagger-ui.css")),
    *(_OWN_FILES / name for name in ("docs.js", "docs.css", "favicon.svg")),
)
_KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_HEADERS = {
    # Swagger UI needs no other origin and no inline script, but its style sheet embeds images as data URLs.
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class _File:
    content: bytes
    media_type: str

    @cached_property
    def etag(self) -> str:
        return etag_of_content(self.content)

    @cached_property
    def compressed(self) -> bytes:
        return gzip.compress(self.content, compresslevel=6, mtime=0)

    def answer(self, request: Request) -> Response:
        headers = {**_HEADERS, "ETag": self.etag, "Vary": "Accept-Encoding"}
        if is_known(request.headers.get("if-none-match"), self.etag):
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(self.content, media_type=self.media_type, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return Response(self.compressed, media_type=self.media_type, headers=headers)


class _PrivateAnswers:
    """ASGI middleware: no answer is stored or read as another kind than it says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_private(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(PRIVATE)
            await send(message)

        await self._app(scope, receive, send_private)


def own_pages(contracts: Sequence[Contract], my_data: MyDataFile) -> FastAPI:
    """The application behind every path outside the services."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, routes=_routes(contracts, my_data))
    app.add_middleware(problems.LastResort)
    app.add_middleware(_PrivateAnswers)
    app.add_middleware(RequestContext)
    problems.install(app)
    for refused in (Problem, HTTPException):
        app.add_exception_handler(refused, _refuse)
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    """Refuse as everywhere at the gateway: with a page for a browser that opens an address."""
    problem = error if isinstance(error, Problem) else NoSuchEndpoint()
    if isinstance(error, HTTPException) and error.status_code == MethodNotAllowed.status:
        problem = MethodNotAllowed()
        problem.headers = error.headers or {}
    problem.record()
    asked = request.headers
    is_read = request.method in {"GET", "HEAD"}
    headers, body = rendered(
        problem, request_id(), asked.get("accept-language", ""), asked.get("accept", ""), is_read=is_read
    )
    answer = Response(body, problem.status)
    answer.raw_headers = [each for each in headers if each[0] != b"x-request-id"]  # RequestContext adds it
    return answer


def _routes(contracts: Sequence[Contract], my_data: MyDataFile) -> list[BaseRoute]:
    page = _File(_page(contracts), "text/html")
    assets = {file.name: _read(file) for file in _ASSETS}
    documents = {f"{contract.service}.v1.json": _File(contract.document, "application/json") for contract in contracts}
    routed = [contract for contract in contracts if contract.service not in UNROUTED]
    counts = {contract.service: len(contract.operations) for contract in routed}
    ready = {"status": "ready", "operations": counts}

    def docs(request: Request) -> Response:
        return page.answer(request)

    def asset(request: Request) -> Response:
        return _named(assets, request)

    def document(request: Request) -> Response:
        return _named(documents, request)

    async def index(_request: Request) -> Response:
        return RedirectResponse("/docs", 307)

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_request: Request) -> Response:
        # Ready means able to route: requests to an unavailable service are refused, the others stay reachable.
        return JSONResponse(ready)

    return [
        Route("/", index),
        Route("/docs", docs),
        Route("/docs/assets/{name}", asset),
        Route("/docs/openapi/{name}", document),
        Route("/livez", livez),
        Route("/readyz", readyz),
        Route(PATH, my_data.answer),
    ]


def _named(files: Mapping[str, _File], request: Request) -> Response:
    file = files.get(request.path_params["name"])
    if file is None:
        raise NoSuchEndpoint
    return file.answer(request)


def _read(file: Path) -> _File:
    return _File(file.read_bytes(), _KINDS[file.suffix])


def _page(contracts: Sequence[Contract]) -> bytes:
    options = "\n".join(
        f'<option value="/docs/openapi/{contract.service}.v1.json">{html.escape(contract.title)}</option>'
        for contract in contracts
    )
    template = Template((_OWN_FILES / "docs.html").read_text("utf-8"))
    return template.substitute(options=options).encode()

"""The edge: the single entry point of all clients.

    python -m uvicorn --factory gateway.app:create_app --http gateway.connection:ClientConnection --loop uvloop \
        --no-access-log --no-server-header --no-proxy-headers --timeout-graceful-shutdown 5

Requests to services are plain ASGI throughout; FastAPI serves only the gateway's own pages. Without
`--no-proxy-headers`, uvicorn trusts the forwarded address that a client on this machine sends.
"""

import asyncio
import sys
from functools import cache

from prometheus_client import Counter
from starlette.types import Receive, Scope, Send

from chassis import telemetry
from chassis.auth import TokenVerifier
from chassis.problems import InternalError, MethodNotAllowed, Problem
from chassis.settings import load
from chassis.telemetry import log
from chassis.tokens import TokenMissing
from gateway.clients import Clients, allow_files
from gateway.docs import own_pages
from gateway.incoming import Incoming, read_head
from gateway.my_data import PATH, MyDataFile
from gateway.proxy import ClientSide, Exchange
from gateway.refusals import NoSuchEndpoint, rendered, send_refusal
from gateway.routing import Contract, ContractError, Defaults, Operation, RoutingTable, read_contracts
from gateway.settings import GatewaySettings
from gateway.upstream import Upstream
from kit.metrics import metrics_served

REQUESTS = Counter("myili_gateway_requests", "Requests answered", ["service", "status_class"])
requests_of = cache(REQUESTS.labels)  # a label lookup costs more than the increment

_OWN_PATHS = frozenset({b"/", b"/docs", b"/livez", b"/readyz", PATH.encode()})
_OWN_PREFIX = b"/docs/"


def create_app(settings: GatewaySettings | None = None) -> "Gateway":
    """The gateway, with routes from the contracts in its folder."""
    settings = settings or load(GatewaySettings)
    telemetry.configure(settings, "gateway")
    defaults = Defaults(settings.max_body_bytes, settings.answer_seconds)
    try:
        return Gateway(settings, read_contracts(settings.contracts, tuple(settings.service_urls), defaults))
    except ContractError as error:
        sys.stderr.write(f"The gateway cannot start. {error}\n")
        raise SystemExit(2) from None


class Gateway:
    """The ASGI application."""

    def __init__(self, settings: GatewaySettings, contracts: tuple[Contract, ...]) -> None:
        self._settings = settings
        self._table = RoutingTable(contracts)
        self._upstreams = {name: Upstream(url, settings.limits) for name, url in settings.service_urls.items()}
        self._verifier = TokenVerifier(settings.jwks_url, settings.issuer)
        self._client_limits = settings.client_limits
        my_data = MyDataFile(contracts, settings.service_urls, self._verifier)
        self._own_pages = own_pages(contracts, my_data)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        try:
            if scope["raw_path"] in _OWN_PATHS or scope["raw_path"].startswith(_OWN_PREFIX):
                await self._serve_own_page(scope, receive, send)
            else:
                await self._serve(read_head(scope), scope["state"]["connection"], receive, send)
        except asyncio.CancelledError:  # by uvicorn, when the time to end is over; it would log where the code stood
            log.warning("request_cut_off")

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        allow_files(self._settings.most_files)
        scope["state"]["clients"] = Clients(self._client_limits)
        try:
            with metrics_served(self._settings):
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except OSError as error:
            await send({"type": "lifespan.startup.failed", "message": f"MYILI_METRICS_PORT: {error.strerror}"})
            return
        for upstream in self._upstreams.values():
            upstream.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve_own_page(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = read_head(scope)
        try:
            incoming.check()
        except Problem as problem:
            await _refuse(problem, incoming, None, receive, send)
        else:
            await self._own_pages(scope, receive, send)

    async def _serve(self, incoming: Incoming, client: ClientSide, receive: Receive, send: Send) -> None:
        exchange: Exchange | None = None
        try:
            operation = self._operation_of(incoming)
            exchange = Exchange(
                self._upstreams[operation.service],
                operation,
                incoming,
                client=client,
                receive=receive,
                send=send,
                limits=self._client_limits,
            )
            await self._check_token(operation, incoming)
            await exchange.run()
            status = exchange.status
        except Exception as error:  # noqa: BLE001 - the last place where an error can become an answer
            problem = _problem_of(error, incoming)
            status = exchange.status if exchange else 0
            # An answer that has begun is left unfinished, so that the server closes the client's connection.
            if not status:
                status = problem.status
                await _refuse(problem, incoming, exchange, receive, send)
        if status:
            requests_of(exchange.operation.service if exchange else "none", f"{status // 100}xx").inc()

    def _operation_of(self, incoming: Incoming) -> Operation:
        incoming.check()
        operations = self._table.find(incoming.path())
        if operations is None:
            raise NoSuchEndpoint
        operation = operations.get(incoming.method)
        if operation is None:
            refusal = MethodNotAllowed()
            refusal.headers = {"Allow": ", ".join(sorted(operations))}
            raise refusal
        return operation

    async def _check_token(self, operation: Operation, incoming: Incoming) -> None:
        """Refuse an invalid token even where none is needed: the client takes itself to be signed in."""
        if operation.gives_tokens:
            return
        token = incoming.access_token()
        if token is not None:
            await self._verifier.verify(token)
        elif operation.needs_token:
            raise TokenMissing


def _problem_of(error: Exception, incoming: Incoming) -> Problem:
    if isinstance(error, Problem):
        return error
    log.error("request_failed", request_id=incoming.request_id, exc_info=error)
    return InternalError()


async def _refuse(
    problem: Problem, incoming: Incoming, exchange: Exchange | None, receive: Receive, send: Send
) -> None:
    about = {
        "method": incoming.method,
        "route": exchange.operation.template if exchange else "unknown",
        "request_id": incoming.request_id,
    }
    log.info("refused", problem=problem.code, status=problem.status, **about)
    problem.record(address=incoming.client, **about)
    body_unread = exchange.body_unread if exchange else incoming.has_body
    may_still_send = incoming.has_long_body or "Connection" in problem.headers
    answer = rendered(
        problem,
        incoming.request_id,
        incoming.accept_language,
        incoming.accept,
        by_oauth=exchange is not None and exchange.operation.refuses_by_oauth,
        is_read=incoming.method in {"GET", "HEAD"},
    )
    await send_refusal(problem, answer, receive=receive, send=send, linger=body_unread and may_still_send)

"""Logs, traces and metrics: structlog JSON lines, OpenTelemetry spans, Prometheus metrics."""

import logging
import re
import sys
import time
from collections.abc import MutableMapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.propagate import inject
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client import Counter, Gauge, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import Processor
from uuid_utils import uuid7

from chassis.settings import ProcessSettings

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
_scope: ContextVar[Scope | None] = ContextVar("scope", default=None)
_WELL_FORMED_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_WELL_FORMED_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_SECRET_NAMES = re.compile(
    r"secret|password|token|authorization|code|phone|id_number|holder|(^|_)name$|private|signature", re.IGNORECASE
)
_is_secret = lru_cache(maxsize=1000)(_SECRET_NAMES.search)

REQUEST_SECONDS = Histogram("myili_request_seconds", "Time to answer", ["method", "route", "status"])
OUTBOX_WAITING = Gauge("myili_outbox_waiting", "Events committed and not yet acknowledged by Kafka")
KAFKA_CONNECTED = Gauge("myili_kafka_connected", "Whether this part of a worker has its topics in Kafka", ["part"])
EVENTS_PUBLISHED = Counter("myili_events_published", "Events acknowledged by Kafka", ["topic"])
EVENTS_HANDLED = Counter("myili_events_handled", "Events handled by consumers", ["type"])
OUTBOX_OLDEST_SECONDS = Gauge("myili_outbox_oldest_seconds", "Age of the oldest event that Kafka has not acknowledged")
DEAD_LETTERS = Counter("myili_dead_letters", "Events parked after failing; each one needs an operator", ["topic"])
DEAD_LETTERS_WAITING = Gauge("myili_dead_letters_waiting", "Parked events that have not been replayed")
SCHEDULE_FAILURES = Counter("myili_schedule_failures", "Failed runs of a worker's schedules", ["work"])
SIGNING_KEYS_UNREACHABLE = Counter("myili_signing_keys_unreachable", "Fetches of the tokens' public keys that failed")
SECURITY_EVENTS = Counter("myili_security_events", "Lines of the security log", ["kind"])


def request_id() -> str:
    """The id of the request being answered, or an empty string outside one."""
    return _request_id.get()


def well_formed_request_id(candidate: str) -> str:
    """The client's request id when it is safe to log and echo, else a new one."""
    return candidate if _WELL_FORMED_REQUEST_ID.fullmatch(candidate) else str(uuid7())


def traceparent() -> str | None:
    """The W3C traceparent of the current work, for an event or an outgoing call."""
    carrier: dict[str, str] = {}
    inject(carrier)
    # Without a collector we record no spans, and the caller's trace passes through unchanged.
    return carrier.get("traceparent") or _traceparent.get()


def continue_trace(parent: str | None) -> None:
    """Attribute the work from here on to this trace, of a request or a consumed event."""
    _traceparent.set(parent if parent and _WELL_FORMED_TRACEPARENT.fullmatch(parent) else None)


def _redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in event:
        if name != "event" and _is_secret(name):
            event[name] = "[redacted]"
    return event


def _drop_exception_values(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # Messages of exceptions quote SQL parameters and request bodies, so only the type and the frames are logged.
    error = event.pop("exc_info", None)
    if isinstance(error, BaseException):
        frames = []
        step = error.__traceback__
        while step is not None:
            frames.append(f"{step.tb_frame.f_code.co_filename.rsplit('/', 3)[-1]}:{step.tb_lineno}")
            step = step.tb_next
        event["error"] = type(error).__name__
        event["frames"] = frames[-12:]
    return event


_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _drop_exception_values,
    _redact,
    structlog.processors.JSONRenderer(ensure_ascii=False),
]


class SecurityEvent:
    """A kind of event in the security log: ids, addresses and codes of reasons, never what a person typed."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._counter = SECURITY_EVENTS.labels(kind)  # from zero, or Prometheus sees no increase in the first burst

    def record(self, reason: str = "", **ids: object) -> None:
        """Write a line to stdout, which no log level hides; in a request with its address, rule and verified caller."""
        self._counter.inc()
        logger = structlog.wrap_logger(structlog.PrintLogger(sys.stdout), _PROCESSORS, structlog.BoundLogger)
        values = {name: str(value) for name, value in (_origin() | ids).items() if value is not None}
        logger.info("security", kind=self.kind, reason=reason, **values)


def _origin() -> dict[str, object]:
    if (scope := _scope.get()) is None:
        return {}
    about = {"address": (scope.get("client") or ("",))[0], "method": scope["method"], "route": _route(scope)}
    return {**about, **scope.get("state", {}).get("access", {})}


def _route(scope: Scope) -> str:
    """The route's template, never the path: a path may hold an account number."""
    return getattr(scope.get("route"), "path", "unknown")


def configure(settings: ProcessSettings, process: str) -> None:
    """Set up this process's logs and traces; `process` names it, such as `payments-worker`."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    if settings.otlp_endpoint:
        provider = TracerProvider(resource=Resource.create({SERVICE_NAME: f"myili-{process}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
        trace.set_tracer_provider(provider)


class RequestContext:
    """ASGI middleware: the request id in and out, one log line and one measurement per request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        received = Headers(scope=scope)
        identifier = well_formed_request_id(received.get("x-request-id", ""))
        _request_id.set(identifier)
        _scope.set(scope)
        continue_trace(received.get("traceparent"))
        structlog.contextvars.bind_contextvars(request_id=identifier)
        status, started = 500, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = identifier
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _scope.set(None)
            route, seconds = _route(scope), time.perf_counter() - started
            REQUEST_SECONDS.labels(scope["method"], route, status).observe(seconds)
            if route not in {"/livez", "/readyz"}:
                log.info("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))

"""What the sandboxes share: a state file, JSON in, problem+json out, faults on request, health.

Plain Starlette and the standard library: a sandbox that starts slowly slows every `make run`.
"""

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

MAX_BODY = 64 * 1024
MOST_FAULTS = 1_000_000
WITHHOLD_SECONDS = 60
Json = dict[str, Any]


def yuan(fen: int) -> str:
    return f"¥{fen // 100:,}.{fen % 100:02}"


class Refused(Exception):  # noqa: N818 - an answer to the caller, not an error of the program
    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(code)
        self.status, self.code, self.detail = status, code, detail


def application(
    state: sqlite3.Connection,
    routes: Sequence[Route],
    faults: "Faults",
    lifespan: Lifespan[Starlette] | None = None,
) -> Starlette:
    _keep_queries_out_of_the_access_log()
    app = Starlette(
        routes=[
            *routes,
            Route("/faults", faults.show, methods=["GET"]),
            Route("/faults", faults.command, methods=["POST"]),
            Route("/livez", _alive, methods=["GET"]),
            Route("/readyz", _ready, methods=["GET"]),
        ],
        exception_handlers={Refused: _answer_refusal, HTTPException: _answer_http_exception},
        lifespan=lifespan,
        max_body_size=MAX_BODY,
    )
    app.state.db, app.state.faults = state, faults
    return app


def setting(name: str, meaning: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SystemExit(f"{name} is not set: {meaning}.")
    return value


def open_state(name: str, schema: str) -> sqlite3.Connection:
    """The sandbox's own file; what is committed survives a restart and a `kill -9`."""
    folder = Path(setting("MYILI_SANDBOX_STATE", "the folder where the sandboxes keep their files"))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    db = sqlite3.connect(folder / f"{name}.sqlite3", isolation_level=None)
    db.row_factory = sqlite3.Row
    db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000; {schema}")
    return db


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


def parse(raw: bytes) -> Json:
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(400, "malformed_json", "The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Refused(422, "invalid_request", "The body must be a JSON object.")
    return body


def text(body: Json, name: str, pattern: str = r".{1,256}") -> str:
    value = body.get(name)
    # Printable: neither control characters nor lone surrogates, which cannot be encoded.
    if not isinstance(value, str) or not re.fullmatch(pattern, value) or not value.isprintable():
        raise Refused(422, "invalid_request", f"{name} must be a string that matches {pattern}")
    return value


def whole_number(body: Json, name: str, largest: int) -> int:
    value = body.get(name)
    if type(value) is not int or not 0 < value <= largest:  # bool is an int, but not an amount
        raise Refused(422, "invalid_request", f"{name} must be a whole number from 1 to {largest}")
    return value


def moment(body: Json, name: str) -> datetime:
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        value = datetime.fromisoformat(body.get(name, ""))
        if value.tzinfo is not None:
            return value.astimezone(UTC)
    raise Refused(422, "invalid_request", f"{name} must be a time like 2026-01-31T08:00:00Z")


def url(body: Json, name: str) -> str:
    value = text(body, name, r"https?://[!-~]{1,500}")
    with contextlib.suppress(ValueError):  # a port that is not a number
        if urlsplit(value).hostname and urlsplit(value).port != 0:
            return value
    raise Refused(422, "invalid_request", f"{name} must be the address of an HTTP endpoint")


def rfc3339(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def only_from_this_machine(request: Request) -> None:
    with contextlib.suppress(ValueError):  # a host that is not an address
        if request.client and ipaddress.ip_address(request.client.host).is_loopback:
            return
    raise Refused(403, "loopback_only", "Only callers on the same machine may call this.")


async def withhold_answer(request: Request) -> None:
    with contextlib.suppress(TimeoutError):
        # The body has been read, so only a disconnect can still arrive.
        await asyncio.wait_for(request.receive(), WITHHOLD_SECONDS)


def problem(status: int, code: str, detail: str) -> JSONResponse:
    content = {"type": f"urn:myili:problem:{code}", "status": status, "code": code, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")


class Faults:
    """Faults to simulate. Counts decrease with use, `delay_seconds` stays; `{}` or a restart clears all."""

    def __init__(self, *further: str) -> None:
        self._left: dict[str, float] = dict.fromkeys(("delay_seconds", "unavailable", *further), 0)

    def take(self, name: str) -> bool:
        happens = self._left[name] > 0
        if happens:
            self._left[name] -= 1
        return happens

    def take_all(self, name: str) -> int:
        taken, self._left[name] = int(self._left[name]), 0
        return taken

    async def delay_or_refuse(self) -> None:
        """Call first in every endpoint that a real system may answer slowly or not at all."""
        await asyncio.sleep(self._left["delay_seconds"])
        if self.take("unavailable"):
            raise Refused(503, "unavailable", "The sandbox is set to be unavailable.")

    async def show(self, _: Request) -> Response:
        return JSONResponse(self._left)

    async def command(self, request: Request) -> Response:
        only_from_this_machine(request)
        wanted = parse(await request.body())
        for name, value in wanted.items():
            kinds = {int, float} if name == "delay_seconds" else {int}
            if name not in self._left or type(value) not in kinds or not 0 <= value <= MOST_FAULTS:
                expected = f"{', '.join(self._left)} with numbers from 0 to {MOST_FAULTS}, all but the first whole"
                raise Refused(422, "invalid_request", f"The body may have {expected}.")
        self._left = {name: wanted.get(name, 0) for name in self._left}
        return JSONResponse(self._left)


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _ready(request: Request) -> Response:
    try:
        request.app.state.db.execute("BEGIN IMMEDIATE")
        request.app.state.db.execute("ROLLBACK")
    except sqlite3.Error as error:
        return problem(503, "not_ready", f"The state file cannot be written: {error}.")
    return JSONResponse({"status": "ok"})


async def _answer_refusal(_: Request, error: Exception) -> Response:
    refused = cast("Refused", error)  # registered for this class alone
    return problem(refused.status, refused.code, refused.detail)


async def _answer_http_exception(_: Request, error: Exception) -> Response:
    error = cast("HTTPException", error)  # registered for this class alone
    code = re.sub(r"\W+", "_", error.detail).lower()
    return problem(error.status_code, code, f"{error.detail}.")


def _keep_queries_out_of_the_access_log() -> None:
    def without_query(record: logging.LogRecord) -> bool:
        client, method, path, *rest = record.args or ("", "", "")
        record.args = (client, method, str(path).partition("?")[0], *rest)
        return True

    # uvicorn logs full paths, and the query of /messages is a phone number.
    logging.getLogger("uvicorn.access").addFilter(without_query)

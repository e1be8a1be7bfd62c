"""A team's server: answers GET by path, over TLS where it has a certificate."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from chassis.db import Database
from svc_miniapps.publishing.domains.worker import check_due
from tests.svc_miniapps.stage import Headers, Json, Stage

Answer = tuple[int, dict[str, str], bytes]


class TeamServer:
    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[tuple[str, str]] = []
        """The host and the path of each request."""
        self.answer: Callable[[str], Answer] = lambda _: (404, {}, b"")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]

    def put(self, domain: Json, content: str | None = None) -> None:
        """Have the file of a domain."""
        path = "/" + domain["proof_url"].partition("://")[2].partition("/")[2]
        body = (domain["proof_content"] if content is None else content).encode()
        self.answer = lambda asked: (200, {}, body) if asked == path else (404, {}, b"")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append((self.headers["Host"], self.path))
                status, headers, body = server.answer(self.path)
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
                pass

        return Handler

    @contextmanager
    def running(self) -> Iterator["TeamServer"]:
        thread = threading.Thread(target=self._server.serve_forever)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


async def register_domain(
    stage: Stage, app: Json, host: str, caller: Headers | None = None, **more: str
) -> httpx.Response:
    return await stage.post(f"apps/{app['app_id']}/domains", caller or stage.team, {"host": host, **more})


async def registered_domain(stage: Stage, app: Json, host: str, caller: Headers | None = None, **more: str) -> Json:
    answer = await register_domain(stage, app, host, caller, **more)
    assert answer.status_code == 201, answer.text
    domain: Json = answer.json()
    return domain


async def request_check(stage: Stage, domain: Json, caller: Headers | None = None) -> httpx.Response:
    return await stage.post(f"domains/{domain['domain_id']}/check", caller or stage.team)


async def shown(stage: Stage, domain: Json, caller: Headers | None = None) -> Json:
    """A domain as the list has it."""
    answer = await stage.api.get(f"/miniapps/v1/apps/{domain['app_id']}/domains", headers=caller or stage.team)
    found: Json = next(each for each in answer.json()["items"] if each["domain_id"] == domain["domain_id"])
    return found


async def proven(stage: Stage, database: Database, app: Json, name: str, caller: Headers | None = None) -> Json:
    """A `.localhost` name that is on the app's allow-list."""
    with TeamServer().running() as server:
        domain = await registered_domain(stage, app, f"{name}:{server.port}", caller)
        server.put(domain)
        assert (await request_check(stage, domain, caller)).status_code == 200
        assert await check_due(database, with_loopback=True) == 1
        found = await shown(stage, domain, caller)
    assert found["status"] == "proven", found
    return found

"""catalogue: public catalogue requests per second and their p99, against the same bytes from a bare ASGI app.

Ours: one process of svc_services, asked what a resident's app asks before anybody signs in: divisions, the guides of a
kind, one guide, the workflow of a kind. Baseline: an app that knows these answers by heart, with the same headers. Both
are served by uvicorn as deployed and asked over the same connections by a process of its own. Rounds alternate; the
medians are kept.
"""

import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import uvloop

from tests.bench.report import report
from tests.bench.services_stage import served, services_stage
from tests.bench.timed_load import ask, from_another_process

ROUNDS = 3
REQUESTS = 1_000
CONNECTIONS = 16
GOAL = 0.5
_BODIES = "MYILI_BENCH_BODIES"
_V1 = "/services/v1"
_LISTS = (
    f"{_V1}/divisions",
    f"{_V1}/service-items?utility_kind=water&division_code=654002",
    f"{_V1}/workflows?utility_kind=water&application_kind=new_connection",
)
Answer = dict[str, Any]
Rounds = list[tuple[float, float]]


def bare() -> Callable[[Answer, Callable[[], Awaitable[Answer]], Callable[[Answer], Awaitable[None]]], Awaitable[None]]:
    """An ASGI app that knows its answers by heart: each file is named after its place among the addresses."""
    folder = Path(os.environ[_BODIES])
    paths = (folder / "paths").read_text().splitlines()
    answers = {path.encode(): (folder / str(number)).read_bytes() for number, path in enumerate(paths)}

    async def app(
        scope: Answer, _receive: Callable[[], Awaitable[Answer]], send: Callable[[Answer], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        query = scope["query_string"]
        body = answers[scope["raw_path"].partition(b"?")[0] + (b"?" + query if query else b"")]
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"public, max-age=60"),
            (b"etag", b'"00000000000000000000000000000000"'),
            (b"x-content-type-options", b"nosniff"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def requests_to(where: str, paths: list[str]) -> list[bytes]:
    return [_request(where, paths[number % len(paths)]) for number in range(REQUESTS)]


def _request(where: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: {where}\r\nAccept: application/json\r\n\r\n".encode()


def keep_answers(where: str, folder: Path) -> list[str]:
    """Fetch each answer once, for the bare app. Returns the addresses."""
    folder.mkdir()
    with httpx.Client(base_url=f"http://{where}") as client:
        item = client.get(_LISTS[1]).json()["items"][0]
        paths = [*_LISTS, f"{_V1}/service-items/{item['item_id']}"]
        for number, path in enumerate(paths):
            (folder / str(number)).write_bytes(client.get(path).raise_for_status().content)
    (folder / "paths").write_text("\n".join(paths))
    return paths


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name, services_stage(Path(name)) as stage:
        folder, where = Path(name) / "bodies", stage.where
        paths = keep_answers(where, folder)
        with served("tests.bench.catalogue:bare", Path(name), {_BODIES: str(folder)}) as (plain_where, _):
            ours: Rounds = []
            plain: Rounds = []
            from_another_process("tests.bench.catalogue", where, *paths)
            for number in range(1, ROUNDS + 1):
                plain.append(from_another_process("tests.bench.catalogue", plain_where, *paths))
                ours.append(from_another_process("tests.bench.catalogue", where, *paths))
                print(f"  round {number}: catalogue {ours[-1][0]:,.0f}/s, bare app {plain[-1][0]:,.0f}/s")
    detail: dict[str, object] = {"requests": REQUESTS, "connections": CONNECTIONS, "rounds": ROUNDS}
    _report("catalogue", "requests/s", 0, ours, plain, {"goal": GOAL, **detail})
    _report("catalogue_p99", "ms", 1, ours, plain, detail)


def _report(name: str, unit: str, place: int, ours: Rounds, plain: Rounds, detail: dict[str, object]) -> None:
    report(name, median(each[place] for each in ours), median(each[place] for each in plain), unit, detail)


if __name__ == "__main__":
    if sys.argv[1:]:
        print(*uvloop.run(ask(sys.argv[1], CONNECTIONS, requests_to(sys.argv[1], sys.argv[2:]))))
    else:
        main()

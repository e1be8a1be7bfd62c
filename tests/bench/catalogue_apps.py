"""catalogue_apps: update checks per second and their p99, against a bare ASGI app that answers the same bytes.

Ours: one process of svc_miniapps with 2,000 published apps, asked by phones with 30 apps each, of which three have a
new version and one is gone. Each request is another phone's. Baseline: an app that reads the same requests and knows
the answer by heart. Both are served by uvicorn as deployed and asked over the same connections by a process of its
own. Rounds alternate; the medians are kept.
"""

import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
import uvloop
from sqlalchemy import make_url

from chassis.db import new_id
from chassis.migrations import Roles, upgrade
from chassis.testing import PUBLIC_URL
from deploy.local.keys import keys_in
from deploy.local.postgres import running_postgres
from deploy.local.programs import LOOPBACK
from tests.bench.report import report
from tests.bench.services_stage import served
from tests.bench.timed_load import ask, from_another_process

ROUNDS, REQUESTS, CONNECTIONS = 5, 4_000, 16
APPS, ON_PHONE, OLD, GONE = 2_000, 30, 3, 1
GOAL = 0.4
PATH = "/miniapps/v1/updates"
DIVISION, DATABASE = "654002", "myili_miniapps"
_BODY = "MYILI_BENCH_BODY"
_SEED = 11
Message = dict[str, Any]
Rounds = list[tuple[float, float]]

_FILL = """
WITH app AS (
    INSERT INTO apps (id, organisation_id, division_code, category, name, name_key, short_description, languages,
        registered_by, created_at, revision)
    SELECT uuidv7(), uuidv7(), '654002', 'transport', '应用' || n, n, '说明', '{zh}', uuidv7(), now(), 1
    FROM generate_series(1, $1) AS n RETURNING id
), object AS (
    INSERT INTO package_objects (key, touched_at) SELECT id, now() FROM app
), package AS (
    INSERT INTO packages (id, app_id, version_code, version_name, sha256, size_bytes, object_key, uploaded_by,
        created_at)
    SELECT uuidv7(), id, 7, '1.7.0', encode(sha256(id::text::bytea), 'hex'), 1000000, id, uuidv7(), now()
    FROM app RETURNING id, app_id
), release AS (
    INSERT INTO releases (id, app_id, package_id, status, category, short_description, languages,
        publish_on_approval, published_at, created_at, revision)
    SELECT uuidv7(), app_id, id, 'published', 'transport', '说明', '{zh}', true, now(), now(), 1
    FROM package RETURNING id, app_id, package_id
)
INSERT INTO listings (app_id, release_id, package_id, division_code, category, name, short_description, languages,
    texts, search_words, min_platform_code, published_at)
SELECT app_id, id, package_id, '654002', 'transport', '停车泊位', '说明', '{zh}', '{}', '', 1, now() FROM release
RETURNING app_id::text
"""


def bare() -> Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]:
    """An ASGI app that reads each request and gives one answer."""
    body = Path(os.environ[_BODY]).read_bytes()
    headers = [
        (b"cache-control", b"no-store"),
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"application/json"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-request-id", b"00000000-0000-7000-8000-000000000000"),
    ]

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


@contextlib.contextmanager
def miniapps_service(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The service with its published apps: where it listens, and their ids."""
    keys = keys_in(folder)
    with running_postgres(folder / "postgres") as server:
        owner = make_url(server).set(drivername="postgresql+asyncpg", database=DATABASE)
        upgrade("svc_miniapps", owner, keys["miniapps_database_password"])
        runtime = Roles.of("svc_miniapps").runtime
        role = make_url(server).set(username=runtime, password=keys["miniapps_database_password"])
        environment = {
            "MYILI_DATABASE_URL": role.render_as_string(hide_password=False),
            "MYILI_KAFKA": f"{LOOPBACK}:1",
            "MYILI_PUBLIC_URL": PUBLIC_URL,
            "MYILI_JWKS_URL": f"http://{LOOPBACK}:1",
            "MYILI_PACKAGES": (folder / "packages").as_uri(),
            "MYILI_PACKAGE_SIGNING_KEY": keys["package_signing_key"],
        }
        starter = [sys.executable, "-m", "svc_miniapps.starter"]
        subprocess.run(starter, check=True, env={**os.environ, **environment}, capture_output=True)  # noqa: S603
        apps = uvloop.run(_fill(f"{server}/{DATABASE}"))
        with served("svc_miniapps.app:create_app", folder, environment) as (where, _process):
            yield where, apps


async def _fill(database: str) -> list[str]:
    connection = await asyncpg.connect(database)
    try:
        return [row[0] for row in await connection.fetch(_FILL, APPS)]
    finally:
        await connection.close()


def phone(apps: list[str], chosen: random.Random) -> bytes:
    """What one phone asks."""
    on_phone = chosen.sample(apps, ON_PHONE)
    on_phone[:GONE] = [str(new_id()) for _ in range(GONE)]
    codes = [6 if GONE <= place < GONE + OLD else 7 for place in range(ON_PHONE)]
    installed = [{"app_id": app, "version_code": code} for app, code in zip(on_phone, codes, strict=True)]
    asked = {"division_code": DIVISION, "platform_version": 3, "language": "zh-Hans", "installed": installed}
    return json.dumps(asked).encode()


def _request(where: str, body: bytes) -> bytes:
    head = f"POST {PATH} HTTP/1.1\r\nHost: {where}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name, miniapps_service(Path(name)) as (where, apps):
        folder, chosen = Path(name), random.Random(_SEED)  # noqa: S311 - no secret
        phones, answer = folder / "phones", folder / "answer"
        phones.write_bytes(b"\n".join(phone(apps, chosen) for _ in range(REQUESTS)))
        headers = {"Content-Type": "application/json"}
        first = httpx.post(f"http://{where}{PATH}", content=phone(apps, chosen), headers=headers).raise_for_status()
        if len(first.json()["items"]) != OLD + GONE:
            raise SystemExit(f"The answer is not as expected: {first.text[:400]}")
        answer.write_bytes(first.content)
        with served("tests.bench.catalogue_apps:bare", folder, {_BODY: str(answer)}) as (plain_where, _):
            ours, plain = _measured(where, plain_where, phones)
    detail: dict[str, object] = {
        "apps": APPS,
        "on_phone": ON_PHONE,
        "answer_bytes": len(first.content),
        "requests": REQUESTS,
        "connections": CONNECTIONS,
        "rounds": ROUNDS,
    }
    _report("catalogue_apps", "requests/s", 0, ours, plain, {"goal": GOAL, **detail})
    _report("catalogue_apps_p99", "ms", 1, ours, plain, detail)


def _measured(where: str, plain_where: str, phones: Path) -> tuple[Rounds, Rounds]:
    ours: Rounds = []
    plain: Rounds = []
    from_another_process("tests.bench.catalogue_apps", where, str(phones))
    for number in range(1, ROUNDS + 1):
        plain.append(from_another_process("tests.bench.catalogue_apps", plain_where, str(phones)))
        ours.append(from_another_process("tests.bench.catalogue_apps", where, str(phones)))
        print(f"  round {number}: update checks {ours[-1][0]:,.0f}/s, bare app {plain[-1][0]:,.0f}/s")
    return ours, plain


def _report(name: str, unit: str, place: int, ours: Rounds, plain: Rounds, detail: dict[str, object]) -> None:
    report(name, median(each[place] for each in ours), median(each[place] for each in plain), unit, detail)


if __name__ == "__main__":
    if sys.argv[1:]:
        phones = Path(sys.argv[2]).read_bytes().splitlines()
        print(*uvloop.run(ask(sys.argv[1], CONNECTIONS, [_request(sys.argv[1], phone) for phone in phones])))
    else:
        main()

"""token: client-credentials tokens per second, against bare ES256 signatures with one insert each.

Ours: companies' systems send signed assertions over many connections; each is verified, its `jti` is kept, and a token
is signed. The assertions are signed before the clock runs. Baseline: one process signs the same claims with joserfc and
inserts one row in a transaction of its own, one after the other, into the same PostgreSQL with fsync on; the detail has
the same over as many connections at once, where commits share their fsync. Rounds alternate; the medians are kept.
"""

import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlencode

import asyncpg
import uvloop
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import make_url

from chassis.db import Database, new_id
from chassis.settings import AUDIENCE
from svc_identity.oauth.issuer import ACCESS_TOKEN_SECONDS, PROVIDER_SCOPES
from svc_identity.oauth.service import register_client
from tests.bench.identity_service import DATABASE, IdentityService, identity_service
from tests.bench.load import send_prepared
from tests.bench.report import report
from tests.bench.stage import cpu_seconds

ROUNDS = 3
TOKENS = 3_000
CLIENTS = 20
CONNECTIONS = 32
GOAL = 0.5
_HEAD = """POST /identity/v1/oauth/token HTTP/1.1\r
Host: {where}\r
Content-Type: application/x-www-form-urlencoded\r
Content-Length: {length}\r
\r
"""
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_TABLE = "CREATE TABLE bare_tokens (jti_hash bytea PRIMARY KEY, expires_at timestamptz NOT NULL)"
_INSERT = "INSERT INTO bare_tokens VALUES ($1, now() + interval '5 minutes')"


async def registered(here: IdentityService) -> dict[str, ECKey]:
    """Systems with a key each."""
    keys = {f"company-{number}": ECKey.generate_key("P-256", auto_kid=True) for number in range(CLIENTS)}
    database = Database(make_url(here.server).set(drivername="postgresql+asyncpg", database=DATABASE))
    async with database.transaction() as tx:
        for client_id, key in keys.items():
            jwks = {"keys": [{**key.as_dict(private=False), "alg": "ES256", "use": "sig"}]}
            await register_client(tx, client_id, scopes=PROVIDER_SCOPES, jwks=jwks)
    await database.close()
    return keys


def signed_requests(here: IdentityService, keys: dict[str, ECKey]) -> list[bytes]:
    """Token requests as they go over the wire, good for five minutes."""
    requests, systems = [], list(keys.items())
    for number in range(TOKENS):
        client_id, key = systems[number % CLIENTS]
        issued = int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": here.issuer, "iat": issued, "exp": issued + 290}
        header = {"alg": "ES256", "kid": key.kid}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": _JWT_BEARER,
            "client_assertion": jwt.encode(header, {**claims, "jti": new_id().hex}, key),
        }
        body = urlencode(form).encode()
        requests.append(_HEAD.format(where=here.where, length=len(body)).encode() + body)
    return requests


async def bare(here: IdentityService, at_once: int = 1) -> float:
    """Signatures with an insert each per second, in one process like the service's."""
    key = ECKey.generate_key("P-256", auto_kid=True)
    header: dict[str, str | None] = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid}
    connections = [await asyncpg.connect(f"{here.server}/{DATABASE}") for _ in range(at_once)]
    started = time.perf_counter()
    await asyncio.gather(*(_sign_and_insert(each, TOKENS // at_once, header, key, here.issuer) for each in connections))
    seconds = time.perf_counter() - started
    await asyncio.gather(*(each.close() for each in connections))
    return TOKENS // at_once * at_once / seconds


async def _sign_and_insert(
    connection: asyncpg.Connection, number: int, header: dict[str, str | None], key: ECKey, issuer: str
) -> None:
    for _ in range(number):
        issued, jti = int(time.time()), new_id().hex
        claims = {"iss": issuer, "iat": issued, "exp": issued + ACCESS_TOKEN_SECONDS, "jti": jti, "aud": AUDIENCE}
        about = {"sub": "company-1", "client_id": "company-1", "kind": "client", "scope": " ".join(PROVIDER_SCOPES)}
        jwt.encode(header, {**claims, **about}, key)
        await connection.execute(_INSERT, secrets.token_bytes(32))


async def prepare(here: IdentityService) -> dict[str, ECKey]:
    connection = await asyncpg.connect(f"{here.server}/{DATABASE}")
    await connection.execute(_TABLE)
    await connection.close()
    return await registered(here)


def over_http(here: IdentityService, keys: dict[str, ECKey]) -> float:
    return send_prepared(here.where, CONNECTIONS, 200, signed_requests(here, keys), here.folder / "requests")


def measure(here: IdentityService, keys: dict[str, ECKey]) -> tuple[Sequence[float], Sequence[float], float]:
    """Rates over HTTP and bare, one per round, and the service's CPU microseconds per token."""
    over_http(here, keys)  # plans and connections are there afterwards
    ours, plain, spent = [], [], []
    for number in range(1, ROUNDS + 1):
        plain.append(uvloop.run(bare(here)))
        before = cpu_seconds(here.process)
        ours.append(over_http(here, keys))
        spent.append(1e6 * (cpu_seconds(here.process) - before) / TOKENS)
        print(f"  round {number}: tokens {ours[-1]:,.0f}/s, bare {plain[-1]:,.0f}/s")
    return ours, plain, median(spent)


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as folder, identity_service(Path(folder)) as here:
        ours, plain, cpu_us = measure(here, uvloop.run(prepare(here)))
    detail = {
        "goal": GOAL,
        "tokens": TOKENS,
        "rounds": ROUNDS,
        "connections": CONNECTIONS,
        "service_cpu_us": round(cpu_us),
    }
    report("token", median(ours), median(plain), "tokens/s", detail)


if __name__ == "__main__":
    main()

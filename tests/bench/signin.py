"""signin: whole sign-ins per second through the pages, against pgbench executing the same SQL.

Ours: residents' browsers and apps over many connections: the page that asks for a phone, the phone, the page that asks
for the code, the code, and the app's token request; each with a phone and an address of its own. The SMS gateway is the
sandbox. Baseline: the statements of one such sign-in, recorded where SQLAlchemy executes them and sent by pgbench with
ids and hashes of their own, in the same transactions on the same database with fsync on. Rounds alternate; the medians
are kept.
"""

import asyncio
import contextlib
import io
import secrets
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx
import uvloop

from chassis.http_client import TLS
from chassis.testing import client_of
from svc_identity.app import create_app
from svc_identity.settings import Settings
from tests.bench.identity_service import IdentityService, identity_service
from tests.bench.pgbench import transactions_per_second
from tests.bench.recorded_sql import Recorded, recorded
from tests.bench.report import report
from tests.bench.stage import cpu_seconds
from tests.deploy.sandboxes.processes import Sandbox
from tests.svc_identity.app_client import AppClient

ROUNDS = 3
SIGN_INS = 240
AT_ONCE = 16
CLIENTS = 8
GOAL = 0.3


client = partial(httpx.AsyncClient, verify=TLS)
"""With the context that all share: making one takes longer than a sign-in."""


def new_resident() -> tuple[str, str]:
    """A phone, and a network address as the gateway would pass it on."""
    number = secrets.randbelow(10**8)
    return f"13{number:09}", f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


async def sign_in(app: AppClient) -> None:
    phone, address = new_resident()
    app.api.headers["X-Forwarded-For"] = address
    await app.tokens(phone)


async def sign_ins(where: str, sms_url: str, number: int) -> None:
    for _ in range(number):
        # A browser of its own each, whose cookies end with it.
        async with client(base_url=where) as api, client(base_url=sms_url) as sms:
            await sign_in(AppClient(api, sms))


async def over_http(where: str, sms_url: str) -> float:
    """Sign-ins per second."""
    started = time.perf_counter()
    await asyncio.gather(*(sign_ins(where, sms_url, SIGN_INS // AT_ONCE) for _ in range(AT_ONCE)))
    return SIGN_INS // AT_ONCE * AT_ONCE / (time.perf_counter() - started)


def from_another_process(here: IdentityService, sms_url: str) -> float:
    """What `over_http` measures, so that this process, which records, stays out of it."""
    command = [sys.executable, "-m", "tests.bench.signin", f"http://{here.where}", sms_url]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - our own program
    if done.returncode:
        raise SystemExit(f"The sign-ins ended with: {done.stderr.strip()[-400:]}")
    return float(done.stdout)


async def record_one(here: IdentityService, sms_url: str) -> Recorded:
    """One sign-in, executed by the same application on the same database."""
    app = create_app(Settings.model_validate(here.settings))
    async with client_of(app) as api, client(base_url=sms_url) as sms:
        await sign_in(AppClient(api, sms))  # keys are fetched and prepared afterwards
        api.cookies.clear()
        with recorded(app.state.database.engine) as record:
            await sign_in(AppClient(api, sms))
    return record


def measure(here: IdentityService, sms_url: str) -> tuple[list[float], list[float], float]:
    """Rates over HTTP and by pgbench, one per round, and the service's CPU milliseconds per sign-in."""
    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        record = uvloop.run(record_one(here, sms_url))
    print(f"  one sign-in is {len(record.steps)} statements, begins and ends of transactions included")
    script = here.folder / "signin.pgbench"
    script.write_text(record.script())
    from_another_process(here, sms_url)
    ours, plain, spent = [], [], []
    for number in range(1, ROUNDS + 1):
        plain.append(transactions_per_second(here.as_service, script, clients=CLIENTS, each=SIGN_INS // CLIENTS))
        before = cpu_seconds(here.process)
        ours.append(from_another_process(here, sms_url))
        spent.append(1e3 * (cpu_seconds(here.process) - before) / SIGN_INS)
        print(f"  round {number}: sign-ins {ours[-1]:,.1f}/s, pgbench {plain[-1]:,.1f}/s")
    return ours, plain, median(spent)


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name:
        folder = Path(name)
        sms = Sandbox("sms", folder)
        with sms.running(), identity_service(folder, sms_url=sms.url) as here:
            ours, plain, cpu_ms = measure(here, sms.url)
    detail = {"goal": GOAL, "sign_ins": SIGN_INS, "rounds": ROUNDS, "at_once": AT_ONCE, "pgbench_clients": CLIENTS}
    report("signin", median(ours), median(plain), "sign-ins/s", {**detail, "service_cpu_ms": round(cpu_ms, 1)})


if __name__ == "__main__":
    if sys.argv[1:]:
        print(uvloop.run(over_http(*sys.argv[1:])))
    else:
        main()

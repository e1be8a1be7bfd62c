"""svc_payments and all it needs, as processes that can be killed and restarted one by one."""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from chassis.db import Database, new_id, now
from chassis.migrations import upgrade
from chassis.testing import Tokens
from contracts.reference_provider.books import Books
from contracts.reference_provider.roster import account_number
from deploy.local.keys import keys_in
from deploy.local.plan import Plan
from deploy.local.platform import free_base_port
from deploy.local.programs import LOOPBACK, Program, accepts_connections, free_port
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.providers.models import Provider

SEED = "faults"
ACCOUNTS = 50
READY_SECONDS = 120
LAST_WORDS = 2_000
PACKAGE = "svc_payments"
DROP_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 5
    ) AS connected
"""


@dataclass
class Running:
    program: Program
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.program.before_start()
        with self.log.open("ab") as output:
            self.process = self.program.spawn(output)

    def kill(self) -> None:
        """End it as a power cut would: SIGKILL, by the id of the process we started."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def ready(self) -> None:
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await asyncio.to_thread(self.program.ready):
                    assert self.process, f"{self.program.name} was never started"
                    assert self.process.poll() is None, f"{self.program.name} ended by itself: {self.last_words()}"
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"{self.program.name} does not get ready: {self.last_words()}") from None

    def last_words(self) -> str:
        """The end of its log, which goes with its folder."""
        return self.log.read_text(errors="replace")[-LAST_WORDS:]


@dataclass
class Stage:
    plan: Plan
    tokens: Tokens
    provider_id: UUID
    running: dict[str, Running] = field(default_factory=dict)

    @property
    def gateway(self) -> str:
        return self.plan.url("gateway")

    @property
    def channel(self) -> str:
        return self.plan.url("sandbox_payment_channel")

    @property
    def company(self) -> str:
        return self.running["provider"].program.where

    @property
    def kafka(self) -> str:
        return self.plan.settings["kafka"]

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[Database]:
        database = Database(
            make_url(self.plan.database_admin_url).set(drivername="postgresql+asyncpg", database="myili_payments")
        )
        yield database
        await database.close()

    def headers(self, **claims: Any) -> dict[str, str]:  # noqa: ANN401 - claims of a token
        token = self.tokens.sign(iss=f"{self.gateway}/identity", **{"assurance_level": 2, **claims})
        return {"Authorization": f"Bearer {token}"}

    def staff(self, person_id: UUID, role: str) -> dict[str, str]:
        membership = {"organisation_id": str(new_id()), "role": role, "division_code": None}
        return self.headers(sub=str(person_id), memberships=[membership])

    def provider(self) -> dict[str, str]:
        name = str(self.provider_id)
        return self.headers(sub=name, client_id=name, kind="client", assurance_level=None, scope="bills:write")

    def booked(self) -> list[str]:
        """The postings in the provider's own books, one entry per booking."""
        books = Books(self.plan.data / "provider" / "books.sqlite3")
        return [row["posting_id"] for row in books.newest(1_000_000) if row["result"] == "booked"]

    async def restart(self, name: str) -> None:
        """Kill one process and start it without waiting until it is ready, as clients do not wait either."""
        self.running[name].kill()
        await asyncio.to_thread(self.running[name].start)

    async def suspend(self, name: str, seconds: float) -> None:
        """Stop one process for some seconds; it cannot notice the gap."""
        process = self.running[name].process
        assert process, f"{name} was never started"
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            process.send_signal(signal.SIGCONT)

    async def drop_connections(self) -> None:
        """Have the database end some of its connections, if it is up."""
        with contextlib.suppress(SQLAlchemyError, OSError, asyncpg.PostgresError, asyncpg.InternalClientError):
            async with self.database() as database, database.transaction() as tx:
                await tx.execute(text(DROP_CONNECTIONS))

    async def restore(self) -> None:
        """Start every process that has ended, and wait until all are ready."""
        for running in self.running.values():
            if running.process is None or running.process.poll() is not None:
                await asyncio.to_thread(running.start)
        for running in self.running.values():
            await running.ready()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command line of the service to its end, with the service's settings."""
        program = Program("command", [sys.executable, "-m", *arguments], "", environment=self.plan.environment(PACKAGE))
        return subprocess.run(  # noqa: S603 - our own command line
            program.command, env=program.whole_environment(), capture_output=True, text=True, check=False, timeout=120
        )


@contextlib.asynccontextmanager
async def running_stage(folder: Path, tokens: Tokens, people: int) -> AsyncIterator[Stage]:
    """All processes ready, one provider registered, and every two people bound to one of its accounts.

    Person number n is `person(n)`.
    """
    base_port = free_base_port()
    given = {"public_url": f"http://{LOOPBACK}:{base_port}", "jwks_url": tokens.jwks_url, **_SHORT_PAUSES}
    stage = Stage(Plan(folder, base_port, keys_in(folder), given), tokens, new_id())
    (folder / "logs").mkdir()
    try:
        for program in (*stage.plan.stores(), *_doors(stage.plan)):
            await _start(stage, program)
        url = make_url(stage.plan.database_admin_url).set(drivername="postgresql+asyncpg", database="myili_payments")
        await asyncio.to_thread(upgrade, PACKAGE, url, stage.plan.keys["payments_database_password"])
        for program in (_provider(stage.plan, stage.provider_id), *_ours(stage.plan)):
            await _start(stage, program)
        await _introduce(stage, people)
        yield stage
    finally:
        for running in reversed(stage.running.values()):
            running.kill()


def person(number: int) -> UUID:
    return UUID(int=(7 << 76) | (2 << 62) | number)


def account_of(number: int) -> str:
    """Two people share an account, so both may pay the same bill."""
    return account_number(SEED, number // 2)


# Short enough for every retry to happen within the test.
_SHORT_PAUSES = {
    "ask_again_seconds": "[1, 2, 2]",
    "posting_retry_seconds": "[0.5, 1, 2]",
    "provider_timeout_seconds": "2",
    "channel_timeout_seconds": "2",
    "order_seconds": "20",
}


def _doors(plan: Plan) -> Iterator[Program]:
    return (program for program in plan.without_database() if program.name in {"gateway", "sandbox_payment_channel"})


def _ours(plan: Plan) -> Iterator[Program]:
    return (program for program in (*plan.services(), *plan.workers()) if program.name.startswith(PACKAGE))


def _provider(plan: Plan, provider_id: UUID) -> Program:
    port = free_port()
    command = [sys.executable, "-m", "contracts.reference_provider", "serve", "--port", str(port)]
    books = ["--state", str(plan.data / "provider"), "--seed", SEED, "--accounts", str(ACCOUNTS)]
    return Program(
        name="provider",
        command=[*command, *books, "--provider-id", str(provider_id), "--platform", plan.url("gateway")],
        where=f"http://{LOOPBACK}:{port}",
        ready=partial(accepts_connections, port),
    )


async def _start(stage: Stage, program: Program) -> None:
    running = stage.running[program.name] = Running(program, stage.plan.data / "logs" / f"{program.name}.log")
    await asyncio.to_thread(running.start)
    await running.ready()


async def _introduce(stage: Stage, people: int) -> None:
    """Insert the provider and the bindings, which events from svc_services would otherwise bring."""
    provider = Provider(
        provider_id=stage.provider_id,
        kind="water",
        name="Sample Water Company",
        endpoint_url=stage.company,
        as_of=now(),
    )
    bindings = [
        AccountBinding(
            binding_id=new_id(),
            person_id=person(number),
            provider_id=stage.provider_id,
            account_number=account_of(number),
            role="owner",
        )
        for number in range(people)
    ]
    async with stage.database() as database, database.transaction() as tx:
        tx.add_all([provider, *bindings])

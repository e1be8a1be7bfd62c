"""The whole platform on this machine until a block ends: `make run`, the demo and the tests start it."""

import asyncio
import contextlib
import json
import os
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.errors import CannotStart
from deploy.local.folder import alive, identity, log_file, owned, write_private
from deploy.local.keys import keys_in
from deploy.local.plan import ALL_PORT_OFFSETS, PACKAGES, Plan
from deploy.local.programs import LOOPBACK, Starter, answers, port_is_taken
from deploy.local.settings import PORTS_USED
from deploy.local.supervisor import Kept, Say, Supervisor
from deploy.local.warm import best_starter

# Below the kernel's range of ports for outgoing connections.
SCRATCH_PORTS = range(20_000, 32_000, PORTS_USED + 1)
_ANNOUNCEMENT = "platform.json"


@dataclass(frozen=True)
class Addresses:
    """The addresses of a running platform."""

    public_url: str
    sms_url: str
    channel_url: str
    registries_url: str
    faces_url: str
    network_identity_url: str
    database_admin_url: str
    """The database server's administrator; services have roles of their own."""
    kafka: str
    operator_phone: str
    """Of the first operator, whose sign-in codes arrive at the SMS sandbox."""
    second_operator_phone: str
    """Of the operator whom the first one needs as a second person."""
    operator_authenticator: str
    """Key of the first operator's authenticator app, base32, whose codes are the second factor."""
    second_operator_authenticator: str


@dataclass(frozen=True)
class LocalPlatform(Addresses):
    """A platform that this process started; its programs have the names in the table of `make run`."""

    supervisor: Supervisor = field(repr=False)

    @property
    def programs(self) -> Iterable[Kept]:
        return self.supervisor.kept

    def pid_of(self, name: str) -> int:
        return self.supervisor.pid_of(name)

    def state_of(self, name: str) -> str:
        """One of starting, ready, restarting, stopped."""
        return self.supervisor.state_of(name)

    async def start(self, name: str) -> None:
        """Start a stopped or killed program again and wait until it is ready."""
        await self.supervisor.start_again(name)

    async def stop(self, name: str) -> None:
        """Stop a program gracefully; it stays stopped."""
        await self.supervisor.stop(name)

    async def kill(self, name: str) -> None:
        """Kill a program with -9; it stays stopped. Kill `pid_of(name)` instead to have it restarted."""
        await self.supervisor.stop(name, kill=True)


@contextlib.asynccontextmanager
async def local_platform(
    data_dir: Path,
    base_port: int | None = None,
    *,
    given: Mapping[str, str] | None = None,
    durable: bool = True,
    say: Say = lambda _sentence: None,
) -> AsyncIterator[LocalPlatform]:
    """Start everything, and stop it when the block ends.

    Args:
        data_dir: the data folder; an existing one is reused with its data. As root, one that other users can reach
            (not pytest's tmp_path), since PostgreSQL runs as another user.
        base_port: the gateway's port, which the others follow; without one, free ports are chosen.
        given: settings in lower case without MYILI_, such as `kafka` to use a running broker.
        durable: false for a database that need not survive a power cut; it still survives kill -9.
        say: gets one sentence at each step and for each crash.
    """
    with owned(data_dir) as data:
        plan = Plan(data, base_port or free_base_port(), keys_in(data), given or {}, durable)
        _refuse_absent_servers(plan)
        _refuse_taken_ports(plan)
        starter = best_starter(log_file(data, "warm"))
        supervisor = Supervisor(data, starter, say)
        try:
            await _start(plan, supervisor, starter, say)
            addresses = _addresses(plan)
            announcement = {"launcher": identity(os.getpid()), "addresses": addresses}
            write_private(data / _ANNOUNCEMENT, json.dumps(announcement))
            yield LocalPlatform(**addresses, supervisor=supervisor)
        finally:
            (data / _ANNOUNCEMENT).unlink(missing_ok=True)
            await supervisor.stop_all()
            starter.close()


def running_platform(data: Path) -> Addresses | None:
    """The platform that another process runs on this data folder, once it is ready."""
    try:
        announcement = json.loads((data / _ANNOUNCEMENT).read_text())
    except (OSError, ValueError):
        return None
    return Addresses(**announcement["addresses"]) if alive(announcement["launcher"]) else None


async def _start(plan: Plan, supervisor: Supervisor, starter: Starter, say: Say) -> None:
    say("Starting the database and the broker.")
    async with _starting_together() as stores:
        stores.create_task(asyncio.to_thread(starter.wait_until_ready))
        for program in plan.stores():
            stores.create_task(supervisor.start(program))
    supervisor.around_restart("broker", partial(_restart_workers_around, plan, supervisor))
    say("Starting the gateway and the sandboxes; bringing schemas and starter data up to date; starting the services.")
    async with _starting_together() as others:
        for program in plan.without_database():
            others.create_task(supervisor.start(program))
        for package in PACKAGES:
            others.create_task(_start_service(plan, supervisor, package))


async def _start_service(plan: Plan, supervisor: Supervisor, package: str) -> None:
    await supervisor.run_to_end(plan.preparation(package))
    async with _starting_together() as both:
        both.create_task(supervisor.start(plan.service(package)))
        both.create_task(supervisor.start(plan.worker(package)))


@contextlib.asynccontextmanager
async def _restart_workers_around(plan: Plan, supervisor: Supervisor) -> AsyncIterator[None]:
    """A restarted broker has lost its topics: workers stop before it starts, and start again after the resend."""
    workers = [worker.name for worker in plan.workers()]
    await asyncio.gather(*(supervisor.stop(worker) for worker in workers))
    yield
    await asyncio.gather(*(supervisor.run_to_end(plan.resend(package)) for package in PACKAGES))
    await asyncio.gather(*(supervisor.start_again(worker) for worker in workers))


@contextlib.asynccontextmanager
async def _starting_together() -> AsyncIterator[asyncio.TaskGroup]:
    """Tasks of which the first that cannot start cancels the others and is reported."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as errors:
        refusals = errors.subgroup(CannotStart)
        if refusals is None:
            raise
        raise refusals.exceptions[0] from None


def _addresses(plan: Plan) -> dict[str, str]:
    known = {**plan.settings, **plan.secrets, **plan.administration}
    return {each.name: known[each.name] for each in fields(Addresses)}


def _refuse_taken_ports(plan: Plan) -> None:
    for program in (*plan.stores(), *plan.without_database(), *plan.services(), *plan.workers()):
        for port in plan.ports(program.name):
            if port_is_taken(port):
                raise CannotStart(
                    f"Port {port}, needed by {program.name}, is taken by another program; "
                    "stop that program, or set MYILI_PORT to another first port."
                )


def _refuse_absent_servers(plan: Plan) -> None:
    if "database_url" in plan.given:
        raise CannotStart(
            "MYILI_DATABASE_URL is a setting of a service in production, where each has a role of its own. "
            "Here, name the server's administrator in MYILI_DATABASE_ADMIN_URL, or nothing."
        )
    if plan.given.keys() & {"kafka_username", "kafka_password"}:
        raise CannotStart(
            "MYILI_KAFKA_USERNAME and MYILI_KAFKA_PASSWORD are settings of a service in production, where each is a "
            "principal of its own. Here, set MYILI_KAFKA_PASSWORDS__IDENTITY and so on, or nothing."
        )
    if "database_admin_url" in plan.given:
        server = urlsplit(plan.given["database_admin_url"])
        if not answers(server.hostname or LOOPBACK, server.port or 5432):
            raise CannotStart(
                f"No server answers at the address in MYILI_DATABASE_ADMIN_URL, {server.hostname}:{server.port}; "
                "start it or correct the setting."
            )
    brokers = [address.rsplit(":", 1) for address in plan.given.get("kafka", "").split(",") if address]
    if brokers and not any(answers(host, int(port)) for host, port in brokers):
        raise CannotStart(
            f"No broker answers at the address in MYILI_KAFKA, {plan.given['kafka']}; start it or correct the setting."
        )


def free_base_port() -> int:
    for base in random.sample(SCRATCH_PORTS, len(SCRATCH_PORTS)):
        if not any(port_is_taken(base + offset) for offset in ALL_PORT_OFFSETS):
            return base
    raise CannotStart("No range of free ports was found for a scratch platform; stop some programs.")

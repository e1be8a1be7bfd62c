"""The gateway as the process it is in production, started by its own command."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from chassis.testing import PUBLIC_URL
from tests.gateway.stage import SERVICES, unused_port

REPOSITORY = Path(__file__).parents[2]
FLAGS = (
    "--http gateway.connection:ClientConnection --loop uvloop --no-access-log --no-server-header --no-proxy-headers "
    "--timeout-graceful-shutdown 5"
)


@dataclass(frozen=True)
class GatewayProcess:
    url: str
    payments_port: int
    """Where the test may start the payments service."""
    process: subprocess.Popen[bytes]
    log: Path

    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    async def stop(self) -> int:
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, 15)


def command(port: int) -> list[str]:
    served = f"-m uvicorn --factory gateway.app:create_app --host 127.0.0.1 --port {port} {FLAGS}"
    return [sys.executable, *served.split()]


def environment(**settings: str) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MYILI_")}
    return {**inherited, **{f"MYILI_{name.upper()}": value for name, value in settings.items()}}


@contextlib.asynccontextmanager
async def running_gateway(folder: Path, contracts: Path, jwks_url: str) -> AsyncIterator[GatewayProcess]:
    """A gateway whose services are all absent, until the test starts payments on its port."""
    ports = {service: unused_port() for service in SERVICES}
    gateway_port = unused_port()
    settings = {f"{service}_url": f"http://127.0.0.1:{port}" for service, port in ports.items()}
    variables = environment(public_url=PUBLIC_URL, jwks_url=jwks_url, contracts=str(contracts), **settings)
    log = folder / "gateway.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command(gateway_port), env=variables, cwd=REPOSITORY, stderr=output)  # noqa: ASYNC220, S603 - our own command
    gateway = GatewayProcess(f"http://127.0.0.1:{gateway_port}", ports["payments"], process, log)
    try:
        await _until_alive(gateway)
        yield gateway
    finally:
        process.kill()
        process.wait()


async def _until_alive(gateway: GatewayProcess) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(30):
        while True:
            assert gateway.process.poll() is None, gateway.log.read_text("utf-8")
            with contextlib.suppress(httpx.ConnectError):
                if (await client.get(f"{gateway.url}/livez")).is_success:
                    return
            await asyncio.sleep(0.05)

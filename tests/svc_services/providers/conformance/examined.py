"""Companies whose sandbox is examined: the reference provider in this process, or any faulty copy of it."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, update
from starlette.applications import Starlette

from chassis.db import Database
from chassis.testing import once
from contracts.reference_provider.books import BilledBill, Books
from contracts.reference_provider.platform_keys import PlatformKeys
from contracts.reference_provider.server import Company, create_app
from deploy.local.programs import LOOPBACK, free_port
from kit.conformance.probe import Prober
from kit.endpoint_urls import Endpoints
from svc_services.providers.conformance.models import ConformanceRun
from svc_services.providers.conformance.worker import run_due
from tests.contracts.reference_provider.processes import Platform
from tests.svc_payments.served import served
from tests.svc_services.companies import APPLICATIONS, apply


def prober(platform: Platform, **limits: Any) -> Prober:  # noqa: ANN401 - seconds
    """What the worker calls with; this platform publishes its key."""
    return Prober(platform.keys["services"][-1], Endpoints(anywhere=True).target, **limits)


@dataclass
class Applicant:
    """A company that has applied and named its sandbox."""

    api: httpx.AsyncClient
    application_id: str
    token: str
    port: int
    sandbox: dict[str, Any]

    @property
    def path(self) -> str:
        return f"{APPLICATIONS}/{self.application_id}"

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    async def post(self, operation: str, **body: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        headers = {"Application-Token": self.token} | once()
        return await self.api.post(f"{self.path}/{operation}", json=body or None, headers=headers)

    async def get(self, operation: str, language: str = "en") -> dict[str, Any]:
        headers = {"Application-Token": self.token, "Accept-Language": language}
        answer = await self.api.get(f"{self.path}/{operation}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def start(self) -> str:
        """Start a run, having read the bills that it will pay."""
        self.sandbox = await self.get("sandbox")
        answer = await self.post("conformance-runs")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["run_id"])

    async def report(self, run_id: str, language: str = "en") -> dict[str, Any]:
        return await self.get(f"conformance-runs/{run_id}", language)

    async def resume(self, run_id: str) -> httpx.Response:
        return await self.post(f"conformance-runs/{run_id}/resume")


EVERYTHING = {
    "bill_sources": ["pushed", "inquiry", "top_up"],
    "top_up_amounts_fen": [1_000, 5_000],
}


async def applied(api: httpx.AsyncClient, **changes: Any) -> Applicant:  # noqa: ANN401 - JSON
    filed = await apply(api, **{"stated_terms": EVERYTHING} | changes)
    applicant = Applicant(api, filed["application_id"], filed["application_token"], free_port(), {})
    named = await applicant.post("sandbox", endpoint_url=applicant.url)
    assert named.status_code == 200, named.text
    applicant.sandbox = named.json()
    return applicant


def books_of(applicant: Applicant, folder: Path) -> Books:
    books = Books(folder / "sandbox.sqlite3")
    books.add_accounts((each["account_number"], each["holder_name"]) for each in applicant.sandbox["accounts"])
    books.add_bills(BilledBill(**bill) for bill in applicant.sandbox["bills"])
    return books


def system_of(applicant: Applicant, platform: Platform, folder: Path) -> Starlette:
    """The reference provider as it is when it starts with what is in this folder."""
    keys = PlatformKeys(platform.addresses)
    return create_app(books_of(applicant, folder), keys, Company(applicant.url, lambda: applicant.application_id))


@contextlib.asynccontextmanager
async def answering(app: Starlette, applicant: Applicant) -> AsyncIterator[None]:
    async with served(app, applicant.port):
        yield


async def pass_run(applicant: Applicant, database: Database, platform: Platform, folder: Path) -> dict[str, Any]:
    """A whole run with the reference provider, restarted in between. Returns the report."""
    run_id = await applicant.start()
    async with answering(system_of(applicant, platform, folder), applicant):
        await run_due(database, prober(platform))
    assert (await applicant.resume(run_id)).status_code == 200
    async with answering(system_of(applicant, platform, folder), applicant):
        await run_due(database, prober(platform))
    return await applicant.report(run_id)


async def change_run(database: Database, run_id: str, **columns: Any) -> None:  # noqa: ANN401 - columns
    async with database.transaction() as tx:
        await tx.execute(update(ConformanceRun).where(ConformanceRun.id == run_id).values(**columns))


async def make_due(database: Database, run_id: str) -> None:
    """Let the lease of a run end now."""
    await change_run(database, run_id, try_at=func.now())

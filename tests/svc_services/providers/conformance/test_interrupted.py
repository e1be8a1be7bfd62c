"""Workers and companies that are killed in the middle of a run."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.db import Database
from kit.conformance.probe import Prober
from kit.conformance.rules import tried as tried_rule
from svc_services.providers.conformance import worker
from svc_services.providers.conformance.worker import run_due
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.providers.conformance.examined import (
    Applicant,
    answering,
    applied,
    change_run,
    make_due,
    prober,
    system_of,
)


async def tried(applicant: Applicant, run_id: str) -> list[str]:
    rules = (await applicant.report(run_id))["rules"]
    return [each["rule"] for each in rules if each["outcome"] != "not_tried"]


async def killed_after(database: Database, examiner: Prober, applicant: Applicant, run_id: str, rules: int) -> None:
    """A worker that dies once it has kept so many results."""
    working = asyncio.create_task(run_due(database, examiner))
    while len(await tried(applicant, run_id)) < rules:
        assert not working.done()
        await asyncio.sleep(0.005)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_another_worker_goes_on_where_one_was_killed(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    async with answering(system_of(applicant, platform, tmp_path), applicant):
        await killed_after(database, prober(platform), applicant, run_id, 4)
        kept = await tried(applicant, run_id)
        await run_due(database, prober(platform))
        assert await tried(applicant, run_id) == kept  # the lease still holds
        await make_due(database, run_id)
        await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    assert (report["status"], report["failed_rules"]) == ("awaiting_restart", [])
    assert len(await tried(applicant, run_id)) == 48


async def test_a_worker_that_comes_back_after_its_lease_changes_nothing(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    slow, going_on, real = asyncio.Event(), asyncio.Event(), tried_rule

    async def held_up(*arguments: Any) -> Any:  # noqa: ANN401 - of the rule
        slow.set()
        await going_on.wait()
        return await real(*arguments)

    async with answering(system_of(applicant, platform, tmp_path), applicant):
        monkeypatch.setattr(worker, "tried", held_up)
        first = asyncio.create_task(run_due(database, prober(platform)))
        await slow.wait()
        monkeypatch.setattr(worker, "tried", real)
        await make_due(database, run_id)
        await run_due(database, prober(platform))
        before = await applicant.report(run_id)
        going_on.set()
        await first
    assert before["status"] == "awaiting_restart"
    assert await applicant.report(run_id) == before


async def test_two_workers_never_have_one_run(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    async with answering(system_of(applicant, platform, tmp_path), applicant):
        await asyncio.gather(*(run_due(database, prober(platform)) for _ in range(4)))
    report = await applicant.report(run_id)
    assert report["status"] == "awaiting_restart"
    names = [each["rule"] for each in report["rules"] if each["outcome"] == "passed"]
    assert len(names) == len(set(names)) == 48


async def test_a_run_whose_workers_die_again_and_again_ends(
    api: httpx.AsyncClient, database: Database, platform: Platform
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    await change_run(database, run_id, tries=6)
    await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    assert (report["status"], report["rules"][0]["fault"]) == ("failed", "not_finished")

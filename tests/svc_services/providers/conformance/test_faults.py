"""A company that does one thing wrong fails exactly the rules about it."""

import secrets
from pathlib import Path

import httpx
import pytest

from chassis.db import Database
from svc_services.providers.applications.stated_terms import StatedTerms
from svc_services.providers.conformance.rules import Account, Rules
from svc_services.providers.conformance.worker import run_due
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.providers.conformance.examined import EVERYTHING, answering, applied, prober
from tests.svc_services.providers.conformance.faults import SLOW_SECONDS, Fault
from tests.svc_services.providers.conformance.faulty import FAULTS, faulty, verifies_nothing


@pytest.fixture
def database(shared_database: Database) -> Database:
    return shared_database


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "_"))
async def test_a_fault_fails_the_rules_that_it_breaks_and_no_other(
    api: httpx.AsyncClient,
    database: Database,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    applicant = await applied(api)
    run_id = await applicant.start()
    examiner = prober(platform, quick_seconds=0.9 * SLOW_SECONDS if fault.name.startswith("slow") else 5.0)
    with monkeypatch.context() as patch:
        async with answering(faulty(fault, applicant, platform, tmp_path, patch), applicant):
            await run_due(database, examiner)
    if (await applicant.report(run_id))["status"] == "awaiting_restart":
        assert (await applicant.resume(run_id)).status_code == 200
        with monkeypatch.context() as patch:
            async with answering(faulty(fault, applicant, platform, tmp_path, patch), applicant):
                await run_due(database, examiner)
    report = await applicant.report(run_id)
    of_this_part = {each["rule"] for each in report["rules"] if each["outcome"] != "not_tried"}
    assert report["status"] == "failed"
    assert set(report["failed_rules"]) == fault.breaks & of_this_part != set()


@pytest.mark.parametrize(("order", "broken"), [(1, False), (0, True)], ids=["as_guessed", "the_other_way_round"])
async def test_who_guesses_which_calls_are_altered_is_refused_by_the_order(
    api: httpx.AsyncClient,
    database: Database,
    platform: Platform,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    order: int,
    broken: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Of each pair the order is drawn; whoever verifies nothing would have to guess all of them."""
    applicant = await applied(api)
    run_id = await applicant.start()
    guessing = Fault("verifies nothing", frozenset(), verifies_nothing)
    with monkeypatch.context() as patch:
        patch.setattr(secrets, "randbelow", lambda _bound: order)
        async with answering(faulty(guessing, applicant, platform, tmp_path, patch), applicant):
            await run_due(database, prober(platform))
    report = await applicant.report(run_id)
    of_signatures = {"unsigned", "wrong_signature", "unknown_key", "other_path", "other_body", "other_recipient"}
    assert bool(of_signatures & set(report["failed_rules"])) is broken


def test_every_rule_is_broken_by_a_fault() -> None:
    """`before_restart` alone is only what `after_restart` compares with."""
    rules = Rules([Account("1234567897", "测试")] * 8, "1234567898", {}, StatedTerms.model_validate(EVERYTHING))
    tried = {*rules.before_restart, *rules.after_restart}
    assert {rule for fault in FAULTS for rule in fault.breaks} == tried - {"before_restart"}

"""A run from its start to its report."""

from pathlib import Path

import httpx

from chassis.db import Database
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.providers.conformance.examined import applied, pass_run


async def test_the_reference_provider_passes(
    api: httpx.AsyncClient, database: Database, platform: Platform, tmp_path: Path
) -> None:
    applicant = await applied(api)
    report = await pass_run(applicant, database, platform, tmp_path)
    assert {each["rule"]: each["fault"] for each in report["rules"] if each["outcome"] != "passed"} == {}
    assert (report["status"], report["failed_rules"], len(report["rules"])) == ("passed", [], 19)

"""The people of a connected company have it examined again."""

from pathlib import Path
from uuid import UUID

import httpx

from chassis.db import Database, new_id
from chassis.testing import Tokens, once
from deploy.local.programs import free_port
from svc_services.providers.conformance.worker import run_due
from svc_services.providers.own_company.models import CompanyOrganisation
from tests.contracts.reference_provider.processes import Platform
from tests.svc_services.companies import approved
from tests.svc_services.providers.conformance.examined import Applicant, answering, prober, system_of

OWN = "/services/v1/me/providers"


async def test_an_admin_starts_and_resumes_and_an_operator_of_the_company_reads(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, platform: Platform, tmp_path: Path
) -> None:
    provider_id, organisation = await approved(api, tokens), new_id()
    async with database.transaction() as tx:
        tx.add(CompanyOrganisation(provider_id=provider_id, organisation_id=organisation))
    admin = tokens.staff("provider_admin", organisation_id=organisation)
    reader = tokens.staff("provider_operator", organisation_id=organisation)
    path = f"{OWN}/{provider_id}"
    missing = await api.post(f"{path}/conformance-runs", headers=admin | once())
    assert (missing.status_code, missing.json()["code"]) == (409, "no_sandbox")
    applicant = await sandbox_of(api, admin, provider_id)
    refused = await api.post(f"{path}/conformance-runs", headers=reader | once())
    assert refused.status_code == 403
    run_id = (await api.post(f"{path}/conformance-runs", headers=admin | once())).json()["run_id"]
    for step in ("awaiting_restart", "passed"):
        async with answering(system_of(applicant, platform, tmp_path), applicant):
            await run_due(database, prober(platform))
        report = (await api.get(f"{path}/conformance-runs/{run_id}", headers=reader)).json()
        assert (report["status"], report["failed_rules"]) == (step, [])
        await api.post(f"{path}/conformance-runs/{run_id}/resume", headers=admin | once())
    listed = await api.get(f"{path}/conformance-runs", headers=reader)
    assert [each["status"] for each in listed.json()["items"]] == ["passed"]
    stranger = tokens.staff("provider_admin", organisation_id=new_id())
    for operation in ("sandbox", "conformance-runs", f"conformance-runs/{run_id}"):
        assert (await api.get(f"{path}/{operation}", headers=stranger)).status_code == 404


async def sandbox_of(api: httpx.AsyncClient, admin: dict[str, str], provider_id: UUID) -> Applicant:
    applicant = Applicant(api, str(provider_id), "", free_port(), {})
    body = {"endpoint_url": applicant.url}
    named = await api.post(f"{OWN}/{provider_id}/sandbox", json=body, headers=admin | once())
    assert named.status_code == 200, named.text
    applicant.sandbox = named.json()
    read = await api.get(f"{OWN}/{provider_id}/sandbox", headers=admin)
    assert read.json() == named.json()
    return applicant

"""Onboarding of companies: they apply, the operator approves, their tariff is public."""

import json
from datetime import UTC, date, datetime

import httpx

from contracts.reference_provider.client import Client, PlatformError, load_key
from contracts.reference_provider.numbering import NUMBERINGS
from tests.journeys.demo.stage import DIVISION, Company, Stage, wait_until_open


def onboard_companies(stage: Stage) -> None:
    stage.narrator.act("1  A water, a heating and a power company join, by their USCC and public keys")
    for company in (*stage.companies, stage.power):
        wait_until_open(company, stage.narrator)
        _apply(stage, company)
        _approve(stage, company)
        _publish_tariff(stage, company)


def _apply(stage: Stage, company: Company) -> None:
    application = {
        "uscc": company.uscc,
        "name": company.name,
        "kind": company.kind,
        "division_codes": [DIVISION],
        "endpoint_url": company.endpoint_url,
        "customer_parameters": NUMBERINGS[company.kind].customer_parameters,
    }
    wrong = {**application, "uscc": company.uscc[:-1] + ("0" if company.uscc[-1] != "0" else "1")}
    try:
        company.client.apply(wrong)
    except PlatformError as refused:
        stage.narrator.check("a USCC with a wrong check character is refused", bool(refused.code))
    company.application = company.client.apply(application)
    stage.narrator.check(f"{company.name} has applied", company.application["status"], "applied")


def _approve(stage: Stage, company: Company) -> None:
    assert company.application is not None
    path = f"/services/v1/provider-applications/{company.application['application_id']}"
    approved = stage.narrator.answered("the operator approves it", stage.operator.call("POST", f"{path}/approve"), 200)
    company.provider_id = approved["provider_id"]
    # Its server reads there for whom the platform's calls must be.
    (company.state / "application.json").write_text(json.dumps(approved))
    company.client.close()
    company.client = Client(
        stage.platform.public_url, load_key(company.state / "key.json"), provider_id=company.provider_id
    )
    stage.narrator.wait_for("its systems get a token by private_key_jwt", lambda: _token(company.client))


def _token(client: Client) -> str | None:
    # The approval reaches svc_identity as an event; until then the client is unknown there.
    try:
        return client.token()
    except PlatformError as refused:
        if refused.code != "invalid_client":
            raise
        return None


def _publish_tariff(stage: Stage, company: Company) -> None:
    tariff = company.client.publish_tariff(company.tariff.as_json(_first_of_last_year()))
    public = httpx.get(f"{stage.platform.public_url}/services/v1/tariffs", params={"provider_id": company.provider_id})
    shown = stage.narrator.answered("its tariff is public, without signing in", public, 200)
    stage.narrator.check("and is the one it published", shown["items"][0]["tariff_id"], tariff["tariff_id"])


def _first_of_last_year() -> date:
    # A company that joins states the tariff its customers have been billed by until now.
    return date(datetime.now(UTC).year - 1, 1, 1)

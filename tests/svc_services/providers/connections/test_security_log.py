"""Who stops or changes a company's connection is in the security log, and so is a system that goes on calling."""

import httpx

from chassis.db import Database
from chassis.testing import Tokens, once
from tests.security_log import SecurityLog
from tests.svc_services.companies import TARIFFS
from tests.svc_services.providers.connections.companies import CHANGES, connected, new_key, public


async def test_a_company_stops_its_leaked_key(
    api: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    company, fresh = await connected(api, tokens), new_key("k2")
    security_log.must_not_hold(company.token, "key rotation", "a key has leaked", str(public(fresh)["x"]))
    security_log.forget()
    await company.add(api, fresh)
    await company.change(api, fresh, action="end_key", kid="k1")
    added, ended = security_log.lines()
    assert (added["kind"], added["reason"], added["provider_id"]) == ("client_changed", "add_key", str(company.id))
    assert (ended["reason"], ended["company_key"]) == ("end_key", fresh.thumbprint())
    leaked = tokens.client(company.id, "tariffs:write", key=company.key.thumbprint())
    assert (await api.post(TARIFFS, json={}, headers=leaked | once())).status_code == 401
    line = security_log.one()
    assert (line["kind"], line["reason"], line["client_id"]) == ("client_refused", "client_key_ended", str(company.id))


async def test_a_suspended_company_that_goes_on_calling(
    api: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    company = await connected(api, tokens)
    security_log.forget()
    headers = tokens.staff("operator") | once()
    for _ in range(2):  # the second is a replay
        await api.post(f"{company.path}/suspend", json={"reason": "李四测试 reports a theft"}, headers=headers)
    security_log.must_not_hold("李四测试", "theft")
    suspended = security_log.one()
    assert (suspended["kind"], suspended["provider_id"]) == ("client_suspended", str(company.id))
    assert suspended["proposed_by"] == suspended["subject"]
    calling = tokens.client(company.id, "tariffs:write", key=company.key.thumbprint())
    assert (await api.post(TARIFFS, json={}, headers=calling | once())).status_code == 403
    line = security_log.one()
    assert (line["kind"], line["reason"], line["subject"]) == ("client_refused", "client_suspended", str(company.id))
    assert (line["method"], line["route"]) == ("POST", TARIFFS)


async def test_an_operators_proposal_its_approval_and_its_rejection_are_told_apart(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, security_log: SecurityLog
) -> None:
    company = await connected(api, tokens)
    first, second = tokens.staff("operator"), tokens.staff("operator")
    security_log.forget()
    for number, decision in enumerate(("approve", "reject")):
        change = {"action": "add_key", "key": public(new_key(f"o{number}")), "reason": "asked for by phone"}
        filed = await api.post(f"{company.path}/changes", json=change, headers=first | once())
        path = f"{CHANGES}/{filed.json()['provider_change_id']}/{decision}"
        own = await api.post(f"{CHANGES}/{filed.json()['provider_change_id']}/approve", headers=first | once())
        assert own.status_code == 403
        assert (await api.post(path, headers=second | once())).status_code == 200
    assert security_log.kinds() == [
        ("client_change_proposed", "add_key"),
        ("forbidden", "second_person_needed"),
        ("client_changed", "add_key"),
        ("client_change_proposed", "add_key"),
        ("forbidden", "second_person_needed"),
        ("client_change_rejected", "add_key"),
    ]


async def test_a_proof_by_another_key_is_refused_in_one_line(
    api: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    company = await connected(api, tokens)
    security_log.must_not_hold(company.token)
    security_log.forget()
    answer = await company.change(api, new_key("thief"), action="end_key", kid="k1")
    line = security_log.one()
    assert (line["reason"], line.get("subject")) == (answer.json()["code"], None)
    assert "proof signed by its key" in line["rule"]

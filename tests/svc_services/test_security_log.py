"""Who connects companies, binds accounts and changes their holders is in the security log, without account numbers."""

from uuid import UUID

import httpx

from chassis.db import new_id
from chassis.testing import Tokens, once
from kit.calendar import today
from tests.security_log import SecurityLog
from tests.svc_services.accounts.bindings.conftest import ACCOUNT, Bind, bind, person_id, provider_id
from tests.svc_services.accounts.holder_changes.test_holder_changes import change, report
from tests.svc_services.companies import APPLICATIONS, BINDINGS, ProviderSystem, answer_with, application, apply

__all__ = ["bind", "person_id", "provider_id"]


async def test_applications_and_tokens_that_read_none_of_them(
    api: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    first, second = await apply(api), await apply(api)
    security_log.must_not_hold(application()["contact_phone"], first["application_token"], "not on the register")
    guess = {"Application-Token": "guessed"}
    assert (await api.get(f"{APPLICATIONS}/{first['application_id']}", headers=guess)).status_code == 404
    operator = tokens.staff("operator")
    await api.post(f"{APPLICATIONS}/{first['application_id']}/approve", headers=operator | once())
    reason = {"reason": "not on the register"}
    await api.post(f"{APPLICATIONS}/{second['application_id']}/refuse", json=reason, headers=operator | once())
    guessed, approved, refused = security_log.lines()
    assert (guessed["kind"], guessed["reason"]) == ("token_invalid", "application_token_wrong")
    assert guessed["route"] == f"{APPLICATIONS}/{{application_id}}"
    assert (approved["kind"], approved["provider_id"]) == ("client_approved", first["application_id"])
    assert (refused["kind"], refused["application_id"]) == ("client_application_refused", second["application_id"])
    assert approved["decided_by"] == approved["subject"]


async def test_bindings_that_begin_end_and_are_refused(
    api: httpx.AsyncClient,
    tokens: Tokens,
    bind: Bind,
    provider_id: UUID,
    person_id: UUID,
    provider_system: ProviderSystem,
    security_log: SecurityLog,
) -> None:
    security_log.must_not_hold(ACCOUNT, "张三")
    security_log.forget()
    key = once()
    bound = (await bind(idempotency_key=key)).json()
    await bind(idempotency_key=key)  # a replay
    for _ in range(2):
        path = f"{BINDINGS}/{bound['binding_id']}"
        assert (await api.delete(path, headers=tokens.resident(person_id))).status_code == 204
    begun, ended = security_log.lines()
    assert (begun["kind"], begun["binding_id"], begun["person_id"]) == (
        *("account_bound", bound["binding_id"]),
        str(person_id),
    )
    assert (ended["kind"], ended["reason"], ended["provider_id"]) == ("account_unbound", "by_person", str(provider_id))
    for result in ("no_account", "no_match"):
        provider_system.answer = answer_with(result)
        await bind(person=new_id())
    await bind(jti="used", person=person_id)
    await bind(jti="used", person=person_id)
    assert security_log.kinds() == [
        ("account_binding_refused", "account_not_found"),
        *[("account_binding_refused", "holder_does_not_match")] * 2,
        ("account_binding_refused", "attestation_already_used"),
    ]


async def test_forged_and_expired_proofs_of_a_name_are_invalid_tokens(bind: Bind, security_log: SecurityLog) -> None:
    security_log.must_not_hold("forged.attestation.x")
    security_log.forget()
    await bind(token="forged.attestation.x")  # noqa: S106 - not a password
    await bind(exp=1_000_000_000)
    assert security_log.kinds() == [("token_invalid", "attestation_invalid"), ("token_expired", "attestation_expired")]


async def test_an_account_that_changes_hands(
    api: httpx.AsyncClient,
    tokens: Tokens,
    bind: Bind,
    provider_id: UUID,
    security_log: SecurityLog,
) -> None:
    await bind()
    security_log.must_not_hold(ACCOUNT, "the court has decided")
    security_log.forget()
    path = f"/services/v1/providers/{provider_id}/holder-changes"
    body = change(today(), reason="the court has decided")
    first, second = tokens.staff("operator"), tokens.staff("operator")
    rejected = (await api.post(path, json=body, headers=first | once())).json()["holder_change_id"]
    await api.post(f"{path}/{rejected}/reject", headers=second | once())
    accepted = (await api.post(path, json=body, headers=first | once())).json()["holder_change_id"]
    await api.post(f"{path}/{accepted}/approve", headers=second | once())
    lines = security_log.lines()
    assert [line["kind"] for line in lines] == [
        *("holder_change_proposed", "holder_change_rejected", "holder_change_proposed"),
        *("account_unbound", "holder_changed"),
    ]
    assert lines[3]["reason"] == "holder_changed"
    assert (lines[-1]["change_id"], lines[-1]["decided_by"]) == (accepted, lines[-1]["subject"])


async def test_a_providers_report_is_one_line(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, security_log: SecurityLog
) -> None:
    security_log.must_not_hold(ACCOUNT)
    security_log.forget()
    for _ in range(2):  # the second has no effect
        await report(api, tokens, provider_id, today())
    assert security_log.kinds() == [("holder_changed", "new_holder")]

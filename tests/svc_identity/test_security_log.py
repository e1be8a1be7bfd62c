"""What happens to identities is in the security log, each once, and never with what a person typed."""

import time
import uuid
from typing import Any

import httpx
import time_machine
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth import allow
from chassis.db import Database
from chassis.testing import Tokens, once
from svc_identity.settings import Settings
from tests.security_log import Line, SecurityLog
from tests.svc_identity.app_client import AUTHORIZE, TOKEN, AppClient, bearer
from tests.svc_identity.conftest import PUBLIC_URL, NewAppClient, new_operator, new_phone, proofed
from tests.svc_identity.identities import id_number, proof
from tests.svc_identity.oauth.providers import ProviderSystem
from tests.svc_identity.oauth.test_client_credentials import registered
from tests.svc_identity.oauth.test_provider_changes import changed

PROOFING = "/identity/v1/me/proofing"


def part_of(line: Line, *names: str) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in names)


def subject_of(tokens: dict[str, Any], issued: Tokens) -> str:
    return str(jwt.decode(tokens["access_token"], issued.key, ["ES256"]).claims["sub"])


async def test_a_passed_sign_in_is_three_lines_that_name_the_person_by_id(
    app_client: AppClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    answer = await app_client.tokens(phone)
    secrets = [answer[name] for name in ("access_token", "id_token", "refresh_token")]
    security_log.must_not_hold(phone, phone[3:], await app_client.texted_code(phone), app_client.verifier, *secrets)
    sent, passed, issued = security_log.lines()
    assert (sent["kind"], "person_id" in sent) == ("code_sent", False)  # nobody yet had this phone
    person_id = subject_of(answer, tokens)
    assert part_of(passed, "kind", "person_id", "client_id") == ("sign_in_passed", person_id, "myili-app")
    assert passed["sign_in_id"] == sent["sign_in_id"]
    assert part_of(passed, "address", "method") == ("127.0.0.1", "POST")
    assert passed["route"] == "/identity/v1/oauth/authorize/sign-ins/{sign_in_id}"
    assert part_of(issued, "kind", "reason", "person_id") == ("token_issued", "authorization_code", person_id)
    assert {line["timestamp"][-1] for line in (sent, passed, issued)} == {"Z"}


async def test_a_second_tap_is_not_a_second_sign_in(
    app_client: AppClient, phone: str, security_log: SecurityLog
) -> None:
    page = await app_client.code_page(phone)
    code = await app_client.texted_code(phone)
    for _ in range(2):
        assert (await app_client.type_code(page, code)).status_code == 303
    assert security_log.kinds() == [("code_sent", ""), ("sign_in_passed", "")]


async def test_each_wrong_code_is_a_failed_sign_in_of_the_phones_owner(
    app_client: AppClient, new_app_client: NewAppClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    owner = subject_of(await app_client.tokens(phone), tokens)
    with time_machine.travel(120 + time.time()):
        thief = new_app_client()
        page = await thief.code_page(phone)
        code = await thief.texted_code(phone)
        wrong = [f"{(int(code) + step) % 1_000_000:06}" for step in range(1, 7)]
        security_log.must_not_hold(phone, code, *wrong)
        security_log.forget()
        for each in wrong:
            await thief.type_code(page, each)
    lines = security_log.lines()
    assert [line["reason"] for line in lines] == ["wrong_code"] * 4 + ["no_tries_left"] * 2
    assert {part_of(line, "kind", "person_id") for line in lines} == {("sign_in_failed", owner)}


async def test_a_code_refused_for_its_limit_and_a_form_from_elsewhere_are_each_one_line(
    app_client: AppClient, api: httpx.AsyncClient, phone: str, security_log: SecurityLog
) -> None:
    security_log.must_not_hold(phone)
    first, other = await app_client.begin(), await app_client.begin(state="another")
    await app_client.type_phone(first, phone)
    security_log.forget()
    assert (await app_client.type_phone(other, phone)).status_code == 429
    assert (await app_client.type_phone(other, f"{phone}0")).status_code == 422
    assert (await api.post(f"{AUTHORIZE}/sign-ins", data={"phone": phone})).status_code == 403
    assert security_log.kinds() == [
        ("code_refused", "too_many_codes"),
        ("code_refused", "wrong_phone"),
        ("code_refused", "not_from_here"),
    ]


async def test_an_app_that_asks_for_too_much_is_refused_in_one_line(
    app_client: AppClient, phone: str, security_log: SecurityLog
) -> None:
    await app_client.begin(redirect_uri="https://thief.test/")
    await app_client.begin(client_id=phone)
    security_log.must_not_hold(phone, "thief.test")
    assert security_log.kinds() == [
        ("authorization_refused", "invalid_request"),
        ("authorization_refused", "invalid_client"),
    ]


async def test_refused_access_tokens_are_told_apart(
    api: httpx.AsyncClient, tokens: Tokens, security_log: SecurityLog
) -> None:
    issuer = f"{PUBLIC_URL}/identity"
    expired, forged = (
        tokens.sign(iss=issuer, exp=1_000_000_000),
        tokens.sign(iss=issuer, key=ECKey.generate_key("P-256", auto_kid=True)),
    )
    security_log.must_not_hold(expired, forged, expired.split(".")[1], "Bearer eyJ")
    for headers in ({}, {"Authorization": f"Bearer {expired}"}, {"Authorization": f"Bearer {forged}"}):
        assert (await api.get("/identity/v1/me", headers=headers)).status_code == 401
    lines = security_log.lines()
    assert [(line["kind"], line["reason"]) for line in lines] == [
        ("unauthenticated", "token_missing"),
        ("token_expired", "token_expired"),
        ("token_invalid", "token_invalid"),
    ]
    assert {part_of(line, "route", "subject") for line in lines} == {("/identity/v1/me", None)}


async def test_a_reused_refresh_token_names_whose_sign_in_was_revoked(
    app_client: AppClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    first = await app_client.tokens(phone)
    security_log.must_not_hold(first["refresh_token"])
    await app_client.renewed()
    newest = await app_client.renewed()
    security_log.must_not_hold(newest["refresh_token"])
    security_log.forget()
    for refresh_token in (first["refresh_token"], newest["refresh_token"], "myili-rt-guessed"):
        assert (await app_client.refresh(refresh_token)).status_code == 400
    reused, ended, unknown = security_log.lines()
    person_id = subject_of(first, tokens)
    assert part_of(reused, "kind", "reason", "person_id") == ("token_reused", "refresh_token_reused", person_id)
    assert part_of(ended, "kind", "reason", "person_id") == ("grant_refused", "refresh_token_ended", person_id)
    assert reused["family_id"] == ended["family_id"]
    assert part_of(unknown, "kind", "reason", "person_id") == ("grant_refused", "refresh_token_unknown", None)
    assert {line["client_id"] for line in (reused, ended, unknown)} == {"myili-app"}


async def test_a_sign_out_names_the_person_once_and_never_the_token(
    app_client: AppClient, api: httpx.AsyncClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    signed_in = await app_client.tokens(phone)
    security_log.must_not_hold(phone, signed_in["refresh_token"], "myili-rt-guessed")
    security_log.forget()
    for token in (signed_in["refresh_token"], signed_in["refresh_token"], "myili-rt-guessed"):
        form = {"token": token, "client_id": "myili-app"}
        assert (await api.post("/identity/v1/oauth/revoke", data=form)).status_code == 200
    line = security_log.one()
    wanted = ("signed_out", "revoked", subject_of(signed_in, tokens), "myili-app")
    assert part_of(line, "kind", "reason", "person_id", "client_id") == wanted
    await app_client.refresh(signed_in["refresh_token"])
    assert security_log.one()["family_id"] == line["family_id"]


async def test_a_stranger_cannot_end_a_sign_in_and_leaves_no_sign_out(
    app_client: AppClient, api: httpx.AsyncClient, phone: str, security_log: SecurityLog
) -> None:
    signed_in = await app_client.tokens(phone)
    security_log.forget()
    form = {"token": signed_in["refresh_token"], "client_id": "somebody-else"}
    assert (await api.post("/identity/v1/oauth/revoke", data=form)).status_code == 401
    assert security_log.kinds() == [("client_refused", "invalid_client")]
    assert (await app_client.refresh(signed_in["refresh_token"])).status_code == 200


async def test_a_statement_of_a_persons_name_is_an_issued_token(
    app_client: AppClient, phone: str, security_log: SecurityLog
) -> None:
    headers = await proofed(app_client, phone)
    security_log.forget()
    body = {"purpose": "account_binding"}
    answer = await app_client.api.post("/identity/v1/me/attestations", json=body, headers=headers | once())
    security_log.must_not_hold(phone, "张三", answer.json()["attestation"])
    assert security_log.kinds() == [("token_issued", "attestation")]


async def test_a_code_that_comes_twice_in_two_requests_is_a_reused_token(
    app_client: AppClient, phone: str, security_log: SecurityLog
) -> None:
    code = await app_client.sign_in(phone)
    security_log.must_not_hold(code, app_client.verifier)
    await app_client.redeem(code)
    security_log.forget()
    await app_client.redeem(code, redirect_uri="myili://elsewhere")
    await app_client.redeem("guessed")
    assert security_log.kinds() == [("token_reused", "code_reused"), ("grant_refused", "code_unknown_or_expired")]


async def test_systems_that_prove_themselves_and_those_that_do_not(
    api: httpx.AsyncClient, database: Database, phone: str, security_log: SecurityLog
) -> None:
    system = await registered(database, ProviderSystem())
    thief = ProviderSystem(provider_id=system.provider_id)
    security_log.must_not_hold(phone)
    security_log.forget()
    await system.token(api)
    await thief.token(api)
    await ProviderSystem(provider_id=phone).token(api)
    await api.post(TOKEN, data={"grant_type": "refresh_token", "client_id": phone, "refresh_token": phone})
    await changed(database, system, 1, suspended=True)
    await system.token(api)
    lines = [part_of(line, "kind", "reason", "client_id") for line in security_log.lines()]
    assert lines == [
        ("token_issued", "client_credentials", system.provider_id),
        ("client_refused", "invalid_client", system.provider_id),
        ("client_refused", "invalid_client", None),  # a name that is only claimed may be anything
        ("client_refused", "invalid_client", None),
        ("client_refused", "client_suspended", system.provider_id),
    ]


async def test_proofs_name_the_caller_and_why_they_failed(
    app_client: AppClient, new_app_client: NewAppClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    number = id_number()
    owner = await app_client.tokens(phone)
    stranger = await new_app_client().tokens(new_phone())
    security_log.must_not_hold(number, number[6:14], "张三", "李四测试")
    security_log.forget()
    key = once()
    for _ in range(2):  # the second is a replay
        await app_client.api.post(PROOFING, json=proof(number=number), headers=bearer(owner) | key)
    for body in (proof("李四测试", number), proof(number=number)):
        await app_client.api.post(PROOFING, json=body, headers=bearer(stranger) | once())
    passed, *failed = security_log.lines()
    assert part_of(passed, "kind", "subject") == ("proof_passed", subject_of(owner, tokens))
    assert [(line["kind"], line["reason"]) for line in failed] == [
        ("proof_failed", "identity_not_confirmed"),
        ("identity_claim_opened", ""),
        ("proof_failed", "id_number_taken"),
    ]
    assert {line["subject"] for line in failed} == {subject_of(stranger, tokens)}


async def test_proofs_beyond_the_limit_are_counted_as_limited(
    app_client: AppClient, new_app_client: NewAppClient, phone: str, security_log: SecurityLog
) -> None:
    number = id_number()
    await new_app_client().api.post(
        PROOFING, json=proof(number=number), headers=bearer(await new_app_client().tokens(new_phone())) | once()
    )
    headers = bearer(await app_client.tokens(phone))
    security_log.forget()
    for _ in range(6):
        await app_client.api.post(PROOFING, json=proof("李四测试", number), headers=headers | once())
    kinds = security_log.kinds()
    assert kinds == [("proof_failed", "identity_not_confirmed")] * 5 + [("rate_limited", "too_many_proofings")]


async def test_a_refusal_says_who_called_what_and_who_may(
    app_client: AppClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    signed_in = await app_client.tokens(phone)
    security_log.must_not_hold(phone)
    security_log.forget()
    await app_client.api.get("/identity/v1/role-changes", params={"cursor": phone}, headers=bearer(signed_in))
    line = security_log.one()
    assert part_of(line, "kind", "reason", "subject") == ("forbidden", "not_allowed", subject_of(signed_in, tokens))
    assert part_of(line, "method", "route") == ("GET", "/identity/v1/role-changes")
    assert line["rule"] == allow(scope="staff", role=("operator", "auditor", "provider_admin")).who_may_call
    assert str(uuid.UUID(line["request_id"])) == line["request_id"]


async def test_an_operator_made_by_command_is_recorded_as_such(
    settings: Settings, app_client: AppClient, tokens: Tokens, phone: str, security_log: SecurityLog
) -> None:
    operator = await new_operator(settings, app_client, phone)
    security_log.must_not_hold(phone, "an operator of this test")
    # The first one in a database is preceded by the registration of the platform.
    (granted,) = [line for line in security_log.lines() if line["kind"] == "role_granted"]
    assert part_of(granted, "reason", "role") == ("by_command", "operator")
    person_id = jwt.decode(operator["Authorization"].split()[1], tokens.key, ["ES256"]).claims["sub"]
    assert part_of(granted, "person_id", "address", "proposed_by") == (person_id, None, None)


async def test_a_first_visit_leaves_four_lines_and_no_refusal(
    app_client: AppClient, phone: str, security_log: SecurityLog
) -> None:
    await proofed(app_client, phone)
    assert [kind for kind, _ in security_log.kinds()] == ["code_sent", "sign_in_passed", "token_issued", "proof_passed"]

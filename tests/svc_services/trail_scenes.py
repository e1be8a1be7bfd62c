"""What the tests of the trail let happen: something in every table that is sealed."""

from datetime import date, timedelta
from uuid import UUID

import httpx

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from kit.calendar import today
from tests.svc_services.calendar.changes import changed
from tests.svc_services.cases.applications.cases import (
    KUYTUN,
    NEW_ACCOUNT,
    QUEUE,
    RECEIVED,
    YINING,
    acted,
    bound,
    claim,
    clerk,
    decided,
    provider,
    submitted,
)
from tests.svc_services.cases.assignments.test_assignments import assign, known_clerk
from tests.svc_services.cases.case_migrations.migrations import moved
from tests.svc_services.cases.counter.counters import counter_of
from tests.svc_services.cases.extensions.test_extensions import extend
from tests.svc_services.cases.fees.test_accounts import awaiting_activation
from tests.svc_services.cases.joint.scenes import answer, case_of, companies, filed, followed, refused, weekday
from tests.svc_services.cases.joint.scenes import propose as propose_days
from tests.svc_services.cases.routings.test_routings import route
from tests.svc_services.catalogue.service_items.items import decide as decide_item
from tests.svc_services.catalogue.service_items.items import propose as propose_item
from tests.svc_services.catalogue.service_items.items import published as published_item
from tests.svc_services.catalogue.service_items.items import withdraw as withdraw_item
from tests.svc_services.catalogue.tariff_plans.plans import decide as decide_plan
from tests.svc_services.catalogue.tariff_plans.plans import propose as propose_plan
from tests.svc_services.catalogue.tariff_plans.plans import published
from tests.svc_services.catalogue.tariff_plans.plans import withdraw as withdraw_plan
from tests.svc_services.catalogue.tariffs.test_tariffs import day, publish
from tests.svc_services.catalogue.tariffs.test_withdrawals import withdraw
from tests.svc_services.companies import (
    APPLICATIONS,
    BINDINGS,
    ProviderSystem,
    account_number,
    answer_with,
    apply,
    approved,
    attestation,
)
from tests.svc_services.providers.conformance.examined import applied, change_run
from tests.svc_services.providers.connections.companies import connected, new_key, public
from tests.svc_services.providers.connections.test_operator_changes import Operators
from tests.svc_services.providers.corrections.corrections import CONTRACT, corrected
from tests.svc_services.providers.own_company.test_details import NEW as DETAILS
from tests.svc_services.supervision.complaints.filed import RECEIVED as GOT_COMPLAINTS
from tests.svc_services.supervision.complaints.filed import filed as complained
from tests.svc_services.supervision.scenes import ORDERS, RATINGS, RECTIFICATIONS, done
from tests.svc_services.supply.scenes import interrupt

ACCOUNT = account_number(123456789)
PHONE, LABEL, COMPLAINANT = "13800000001", "the second floor", "13900000002"


async def refuse(api: httpx.AsyncClient, tokens: Tokens) -> None:
    filed = await apply(api, contact_phone=PHONE)
    await corrected(api, filed, 1, contact_phone=f"{PHONE[:-1]}2", contract=CONTRACT)
    path = f"{APPLICATIONS}/{filed['application_id']}/refuse"
    body = {"reason": "not a utility"}
    answer = await api.post(path, json=body, headers=tokens.staff("operator") | once() | {"If-Match": '"2"'})
    assert answer.status_code == 200, answer.text


async def bind(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, account: str, person: UUID) -> httpx.Response:
    given = {"provider_id": str(provider_id), "account_number": account, "attestation": attestation(tokens, person)}
    return await api.post(BINDINGS, json=given, headers=tokens.resident(person) | once())


async def report(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, on: date) -> None:
    change = {"account_number": ACCOUNT, "kind": "new_holder", "effective_on": on.isoformat()}
    answer = await api.post(
        "/services/v1/holder-changes", json=change, headers=tokens.client(provider_id, "accounts:write") | once()
    )
    assert answer.status_code == 201, answer.text


async def change_hands(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, system: ProviderSystem) -> None:
    """Bound, refused, ended by the person, given to the next holder, and an operator's proposal for a day to come."""
    people = [new_id() for _ in range(3)]
    first = await bind(api, tokens, provider_id, ACCOUNT, people[0])
    other = await bind(api, tokens, provider_id, account_number(123456788), people[1])
    assert (first.status_code, other.status_code) == (201, 201)
    path = f"{BINDINGS}/{other.json()['binding_id']}"
    assert (await api.delete(path, headers=tokens.resident(people[1]))).status_code == 204
    await invite(api, tokens, first.json()["binding_id"], people[0])
    await propose_end(api, tokens, first.json()["binding_id"])
    system.answer = answer_with("holder_does_not_match")
    assert (await bind(api, tokens, provider_id, account_number(123456787), people[2])).status_code >= 400
    system.answer = answer_with("match")
    await report(api, tokens, provider_id, today())
    await report(api, tokens, provider_id, today() + timedelta(days=3))
    body = {"account_number": account_number(5), "kind": "ended", "effective_on": day(5), "reason": "their letter"}
    path = f"/services/v1/providers/{provider_id}/holder-changes"
    proposed = await api.post(path, json=body, headers=tokens.staff("operator") | once())
    assert proposed.status_code == 201, proposed.text


async def examine(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    """A run that failed, and one after which an operator endorsed the company."""
    applicant = await applied(api)
    for status in ("failed", "passed"):
        await change_run(database, await applicant.start(), status=status, ended_at=now())
    answer = await api.post(f"{applicant.path}/endorse", headers=tokens.staff("operator") | once())
    assert answer.status_code == 200, answer.text


async def invite(api: httpx.AsyncClient, tokens: Tokens, binding_id: str, owner: UUID) -> None:
    """One who joins and is removed, one whose invitation is withdrawn, one tried by somebody else."""
    path, headers = f"{BINDINGS}/{binding_id}", tokens.resident(owner)
    body = {"role": "family", "name": "李四", "label": LABEL}
    invited = [(await api.post(f"{path}/invitations", json=body, headers=headers | once())).json() for _ in range(3)]
    for invitation, name, status in ((invited[0], "李四", 201), (invited[2], "王五", 403)):
        guest = new_id()
        given = {"code": invitation["code"], "attestation": attestation(tokens, guest, name=name)}
        accept = "/services/v1/account-invitations/accept"
        answer = await api.post(accept, json=given, headers=tokens.resident(guest) | once())
        assert answer.status_code == status, answer.text
    withdrawn = f"{path}/invitations/{invited[1]['invitation_id']}/withdraw"
    assert (await api.post(withdrawn, headers=headers | once())).status_code == 200
    (member,) = (await api.get(f"{path}/members", headers=headers)).json()["items"]
    assert (await api.delete(f"{path}/members/{member['member_id']}", headers=headers)).status_code == 204


async def propose_end(api: httpx.AsyncClient, tokens: Tokens, binding_id: str) -> None:
    body = {"binding_id": binding_id, "reason": "a complaint"}
    proposed = await api.post("/services/v1/binding-ends", json=body, headers=tokens.staff("operator") | once())
    assert proposed.status_code == 201, proposed.text


async def play(api: httpx.AsyncClient, tokens: Tokens, system: ProviderSystem, database: Database) -> None:
    """Companies with keys, suspensions and tariffs, and accounts of residents."""
    await refuse(api, tokens)
    await examine(api, tokens, database)
    company = await connected(api, tokens, endpoint_url=system.url, contact_phone=PHONE)
    second = await connected(api, tokens, kind="heating")
    operators, spare = Operators(api, tokens), new_key("k2")
    assert (await second.add(api, spare)).status_code == 201
    assert (await second.change(api, spare, action="end_key", kid="k1")).status_code == 201
    assert (await second.change(api, spare, action="fetch_keys", jwks_uri=system.url)).status_code == 201
    assert (await operators.suspend(second)).status_code < 300
    assert (await operators.approve(await operators.propose(second, action="resume"))).status_code == 200
    rejected = await operators.propose(second, action="add_key", key=public(new_key("k3")))
    assert (await operators.decide(rejected, "reject", operators.second)).status_code == 200
    details = await operators.propose(second, **DETAILS)
    assert (await operators.approve(details)).json()["status"] == "approved"
    await publish(api, tokens, company.id)
    later = await publish(api, tokens, company.id, effective_from=day(9))
    await withdraw(api, tokens.client(company.id, "tariffs:write"), later["tariff_id"])
    await propose_plans(api, tokens, company.id)
    await propose_items(api, tokens, company.id)
    await supervise(api, tokens, company.id)
    await interrupt(api, tokens, company.id, ACCOUNT)
    await change_hands(api, tokens, company.id, system)
    await hand_a_paper_over(api, tokens)
    await ask_two_companies(api, tokens, database)
    await take_in(api, tokens, database)
    await clash(api, tokens, database)
    await moved(api, tokens, database, accepted="taken_up")
    await moved(api, tokens, database)


async def hand_a_paper_over(api: httpx.AsyncClient, tokens: Tokens) -> None:
    """A case that a clerk reads, and its receipt, which the clerk prints."""
    provider_id = await approved(api, tokens, division_codes=[YINING])
    case = await submitted(api, tokens.resident(new_id()), provider_id)
    path, office = f"{QUEUE}/{case['application_id']}", clerk(tokens)
    assert (await api.get(path, headers=office)).status_code == 200
    assert (await api.get(f"{path}/papers/1", headers=office)).status_code == 200


async def ask_two_companies(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    """A joint application with a day for one visit, and its result when both have refused."""
    headers = tokens.resident(new_id())
    joint = await filed(api, headers, await companies(api, tokens, 2))
    assert (await propose_days(api, headers, joint, weekday(14), weekday(15))).status_code == 200
    for at in (1, 2):
        assert (await answer(api, tokens, joint, at, weekday(15))).status_code == 200
    await followed(database, *[await refused(api, tokens, case_of(joint, at)) for at in (1, 2)])


async def take_in(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    """A case that a counter took in, and that is assigned, extended and moved."""
    provider_id = await approved(api, tokens, division_codes=[YINING, KUYTUN])
    _, case = await counter_of(api, tokens, provider_id).filed(tokens.resident(new_id()))
    operator, clerk_id = clerk(tokens, role="operator"), await known_clerk(database)
    assert (await assign(api, operator, case, clerk_id)).status_code == 200
    extended = await extend(api, QUEUE, operator, case)
    office = tokens.staff("clerk", division_code=YINING, person_id=clerk_id)
    assert (await claim(api, office, case)).status_code == 200
    assert (await route(api, office, extended.json(), provider_id)).status_code == 200


async def clash(api: httpx.AsyncClient, tokens: Tokens, database: Database) -> None:
    """An account that a company opened for an applicant although somebody else holds it."""
    provider_id = await approved(api, tokens, division_codes=[YINING])
    case = await awaiting_activation(api, tokens, tokens.resident(new_id()), provider_id)
    await bound(database, new_id(), provider_id, NEW_ACCOUNT)
    await acted(api, RECEIVED, provider(tokens, provider_id), case, "activate", account_number=NEW_ACCOUNT)


async def propose_items(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    """One that is published and replaced, one that an operator refused, one that its company withdrew."""
    for _ in range(2):
        await published_item(api, tokens, provider_id)
    refused, gone = [
        (await propose_item(api, tokens, provider_id, application_kind="closure")).json()["item_id"] for _ in range(2)
    ]
    assert (await decide_item(api, tokens, refused, "refuse")).status_code == 200
    assert (await withdraw_item(api, tokens, provider_id, gone)).status_code == 200


async def supervise(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    """A holiday, an order on a case, a bad rating that is answered and appealed."""
    await changed(api, tokens, ("2026-05-27", False))
    person_id = new_id()
    case = await submitted(api, tokens.resident(person_id), provider_id)
    case = await decided(api, clerk(tokens), case, "accept")
    order = {"application_id": case["application_id"], "addressee": "provider", "matter": "why?", "reply_days": 3}
    await done(api, ORDERS, tokens.staff("operator", division_code=YINING), order)
    rating = {"stage": "acceptance", "grade": 1, "words": "rude"}
    path = f"/services/v1/applications/{case['application_id']}/ratings"
    rated = await done(api, path, tokens.resident(person_id), rating)
    (row,) = (await api.get(RECTIFICATIONS, headers=clerk(tokens))).json()["items"]
    await done(api, f"{RECTIFICATIONS}/{row['rectification_id']}/answer", clerk(tokens), {"words": "we are sorry"})
    await done(api, f"{RATINGS}/{rated['rating_id']}/appeal", clerk(tokens), {"reason": "mistaken"})
    await complain(api, tokens, provider_id)


async def complain(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    """A complaint with a contact that is accepted, and so was read."""
    contact = {"name": "张三", "phone": COMPLAINANT}
    complaint_id = await complained(api, tokens, provider_id, new_id(), contact=contact)
    await done(api, f"{GOT_COMPLAINTS}/{complaint_id}/accept", clerk(tokens), {"handler": "authority"})


async def propose_plans(api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID) -> None:
    """One that is in force, one that an operator refused, one that its company withdrew."""
    await published(api, tokens, provider_id)
    refused, gone = [(await propose_plan(api, tokens, provider_id, code=each)).json() for each in ("one", "two")]
    assert (await decide_plan(api, tokens, refused["tariff_id"], "refuse")).status_code == 200
    assert (await withdraw_plan(api, tokens, provider_id, gone["tariff_id"])).status_code == 200

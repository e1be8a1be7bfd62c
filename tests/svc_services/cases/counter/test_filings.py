"""A clerk prepares; exactly what the person read and confirmed is filed, once, in their name."""

import asyncio
import io
from datetime import timedelta
from uuid import UUID

import httpx
import pypdf
import time_machine
from sqlalchemy import select

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from svc_services.cases.applications.consumers import erase_person
from svc_services.cases.applications.models import Application
from svc_services.cases.counter.models import CounterFiling
from svc_services.cases.counter.service import MOST_TRIES, forget_unfiled
from svc_services.cases.materials.models import Material
from tests.svc_services.cases.applications.cases import (
    APPLICATIONS,
    FORM,
    KUYTUN,
    QUEUE,
    YINING,
    Headers,
    acted,
    claim,
    clerk,
    decided,
    outcome,
)
from tests.svc_services.cases.counter.counters import CONFIRMATIONS, COUNTER_MATERIALS, FILINGS, Counter, counter_of
from tests.svc_services.cases.materials.files import uploaded


async def test_what_a_counter_takes_in_is_filed_in_the_name_of_who_confirms(
    api: httpx.AsyncClient, tokens: Tokens, database: Database, counter: Counter, resident: Headers, person_id: UUID
) -> None:
    filing = await counter.begun()
    material = await uploaded(api, counter.clerk, path=COUNTER_MATERIALS)
    assert (await counter.add(filing, material)).status_code == 200
    read = await counter.admitted(filing, resident)
    assert (read["content"]["form"], read["content"]["labels"]["address"]["en"]) == (FORM, "Address")
    assert [each["material_id"] for each in read["content"]["materials"]] == [material["material_id"]]
    case = (await counter.confirm(filing, resident, read["content"]["digest"])).json()
    assert (case["division_code"], case["counter_division_code"]) == (YINING, KUYTUN)
    mine = (await api.get(f"{APPLICATIONS}/{case['application_id']}", headers=resident)).json()
    assert (mine["status"], mine["case_number"], len(mine["materials"])) == ("open", case["case_number"], 1)
    async with database.read() as tx:
        row = await tx.get_one(Application, UUID(case["application_id"]))
        file = await tx.get_one(Material, UUID(material["material_id"]))
    assert (row.person_id, row.taken_in_by, file.person_id) == (person_id, counter.clerk_id, person_id)
    queue = (await api.get(QUEUE, headers=clerk(tokens, YINING))).json()["items"]
    assert [each["application_id"] for each in queue] == [case["application_id"]]


async def test_the_counter_sees_where_the_case_stands_and_nothing_more(
    api: httpx.AsyncClient, tokens: Tokens, counter: Counter, resident: Headers
) -> None:
    filing, case = await counter.filed(resident)
    await decided(api, clerk(tokens), case, "request_correction", reason="which door?")
    seen = await counter.seen(filing)
    assert (seen["status"], seen["form"], seen["case"]["state"]) == ("filed", {}, "correction")
    assert "which door?" not in str(seen)
    listed = (await api.get(FILINGS, params={"status": "filed"}, headers=counter.clerk)).json()["items"]
    assert [each["case"]["case_number"] for each in listed] == [case["case_number"]]
    beyond = await api.get(f"{QUEUE}/{case['application_id']}", headers=counter.clerk)
    assert outcome(beyond) == (403, "not_your_division")
    other = counter_of(api, tokens, counter.provider_id)
    assert (await api.get(f"{FILINGS}/{filing['filing_id']}", headers=other.clerk)).status_code == 404
    moved_away = tokens.staff("clerk", division_code=YINING, person_id=counter.clerk_id)
    assert outcome(await api.get(f"{FILINGS}/{filing['filing_id']}", headers=moved_away)) == (403, "not_your_division")
    assert (await api.get(FILINGS, headers=moved_away)).json()["items"] == []


async def test_the_receipt_is_the_counters(
    api: httpx.AsyncClient, counter: Counter, tokens: Tokens, resident: Headers
) -> None:
    filing = await counter.begun()
    await counter.add(filing, await uploaded(api, counter.clerk, path=COUNTER_MATERIALS))
    path = f"{FILINGS}/{filing['filing_id']}/receipt"
    assert (await api.get(path, headers=counter.clerk)).status_code == 404
    read = await counter.admitted(filing, resident)
    case = (await counter.confirm(filing, resident, read["content"]["digest"])).json()
    answer = await api.get(path, headers=counter.clerk)
    words = " ".join(pypdf.PdfReader(io.BytesIO(answer.content)).pages[0].extract_text().split())
    assert case["case_number"] in words
    assert "出具方 奎屯市" in words
    other = counter_of(api, tokens, counter.provider_id)
    assert (await api.get(path, headers=other.clerk)).status_code == 404


async def test_what_changed_after_it_was_read_is_not_filed(
    api: httpx.AsyncClient, database: Database, counter: Counter, resident: Headers
) -> None:
    filing = await counter.begun()
    read = await counter.admitted(filing, resident)
    digest = read["content"]["digest"]
    assert outcome(await counter.confirm(filing, resident, "0" * 64)) == (409, "filing_changed")
    saved = await counter.save(filing, FORM | {"address": "another street 2"})
    assert (saved.status_code, saved.json()["status"]) == (200, "preparing")
    assert (await counter.confirm(filing, resident, digest)).status_code == 404
    again = await counter.admitted(filing, resident)
    assert again["content"]["digest"] != digest
    assert outcome(await counter.confirm(filing, resident, digest)) == (409, "filing_changed")
    material = await uploaded(api, counter.clerk, path=COUNTER_MATERIALS)
    assert (await counter.add(filing, material)).json()["status"] == "preparing"
    last = await counter.admitted(filing, resident)
    await api.delete(f"/services/v1/materials/{material['material_id']}", headers=counter.clerk)
    gone = await counter.confirm(filing, resident, last["content"]["digest"])
    assert outcome(gone) == (409, "filing_changed")
    other = await uploaded(api, counter.clerk, path=COUNTER_MATERIALS)
    await counter.add(filing, other)
    await counter.offered(filing)
    path = f"{FILINGS}/{filing['filing_id']}/materials/{other['material_id']}"
    assert (await api.delete(path, headers=counter.clerk)).status_code == 204
    seen = await counter.seen(filing)
    assert (seen["status"], seen["materials"]) == ("preparing", [])
    gone_file = await api.get(f"{COUNTER_MATERIALS}/{other['material_id']}", headers=counter.clerk)
    assert gone_file.status_code == 404
    async with database.read() as tx:
        assert (await tx.scalars(select(Application))).all() == []


async def test_a_code_is_one_persons_and_one_filings(
    api: httpx.AsyncClient, tokens: Tokens, counter: Counter, resident: Headers
) -> None:
    filing, other = await counter.begun(), await counter.begun()
    code = await counter.offered(filing)
    await counter.offered(other)
    people = [tokens.resident(new_id()) for _ in range(4)]
    answers = await asyncio.gather(*(counter.open(each, code) for each in people))
    assert sorted(outcome(each) for each in answers) == [(200, ""), *[(404, "counter_code_unknown")] * 3]
    winner = next(each for each, answer in zip(people, answers, strict=True) if answer.is_success)
    assert (await counter.open(winner, code.lower().replace("-", " "))).status_code == 200
    assert (await counter.read(filing, winner))["content"] is None  # the clerk has typed no number yet
    assert (await api.get(f"{CONFIRMATIONS}/{other['filing_id']}", headers=winner)).status_code == 404
    assert outcome(await counter.confirm(filing, winner, "0" * 64)) == (409, "filing_not_possible")
    new_code = await counter.offered(filing)
    assert outcome(await counter.open(winner, code)) == (404, "counter_code_unknown")
    assert (await counter.open(resident, new_code)).status_code == 200
    assert (await api.get(f"{CONFIRMATIONS}/{filing['filing_id']}", headers=winner)).status_code == 404


async def test_wrong_numbers_end_the_offer_and_lock_nobody_out(
    api: httpx.AsyncClient, counter: Counter, resident: Headers
) -> None:
    filing = await counter.begun()
    opened = (await counter.open(resident, await counter.offered(filing))).json()
    wrong = f"{(int(opened['match_number']) + 1) % 10_000:04}"
    for _ in range(MOST_TRIES):
        assert outcome(await counter.post(filing, "admit", {"match_number": wrong})) == (409, "match_number_wrong")
    late = await counter.post(filing, "admit", {"match_number": opened["match_number"]})
    assert outcome(late) == (409, "filing_not_possible")
    assert (await counter.admitted(filing, resident))["content"]["form"] == FORM
    for odd in ("12345", "", "\u0661\u0662\u0663\u0664", "12a4"):
        assert (await counter.post(filing, "admit", {"match_number": odd})).status_code == 422
    for odd in ("\u0000", "\U0001f600" * 20, "I" * 20):
        assert (await counter.open(resident, odd)).status_code in {404, 422}


async def test_confirming_twice_or_at_once_files_once(database: Database, counter: Counter, resident: Headers) -> None:
    filing = await counter.begun()
    digest = (await counter.admitted(filing, resident))["content"]["digest"]
    answers = await asyncio.gather(*(counter.confirm(filing, resident, digest) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    key, second = once(), await counter.begun(form=FORM | {"address": "解放西路2号"})
    digest = (await counter.admitted(second, resident))["content"]["digest"]
    first = await counter.confirm(second, resident, digest, key)
    replayed = await counter.confirm(second, resident, digest, key)
    assert first.status_code == 200, first.text
    assert first.json()["application_id"] == replayed.json()["application_id"]
    async with database.read() as tx:
        assert len((await tx.scalars(select(Application))).all()) == 2


async def test_an_offer_ends_with_its_time(
    tokens: Tokens, counter: Counter, resident: Headers, person_id: UUID
) -> None:
    filing = await counter.begun()
    read = await counter.admitted(filing, resident)
    waiting = await counter.begun()
    code = await counter.offered(waiting)
    with time_machine.travel(now() + timedelta(minutes=16)):
        counter.clerk = tokens.staff("clerk", division_code=KUYTUN, person_id=counter.clerk_id)
        resident = tokens.resident(person_id)
        assert outcome(await counter.confirm(filing, resident, read["content"]["digest"])) == (409, "offer_over")
        assert outcome(await counter.open(resident, code)) == (404, "counter_code_unknown")
        again = await counter.admitted(filing, resident)
        assert (await counter.confirm(filing, resident, again["content"]["digest"])).status_code == 200


async def test_a_clerk_confirms_nothing_that_they_prepared(tokens: Tokens, counter: Counter, resident: Headers) -> None:
    filing = await counter.begun()
    code = await counter.offered(filing)
    assert outcome(await counter.open(tokens.resident(counter.clerk_id), code)) == (403, "second_person_needed")
    assert (await counter.open(resident, code)).status_code == 200


async def test_a_counter_files_what_can_be_filed(
    api: httpx.AsyncClient, tokens: Tokens, counter: Counter, resident: Headers
) -> None:
    assert outcome(await counter.begin(counter_division_code=YINING)) == (403, "not_your_division")
    assert outcome(await counter.begin(division_code=KUYTUN)) == (422, "not_served_there")
    assert outcome(await counter.begin(kind="closure", form={})) == (422, "account_needed")
    incomplete = await counter.begun(form={})
    assert (await counter.post(incomplete, "offer")).status_code == 422
    stranger = await uploaded(api, resident)
    assert (await counter.add(incomplete, stranger)).status_code == 404
    material, other = await uploaded(api, counter.clerk, path=COUNTER_MATERIALS), await counter.begun()
    assert (await counter.add(other, material)).status_code == 200
    assert outcome(await counter.add(incomplete, material)) == (409, "material_elsewhere")
    foreign = {"kind": "closure", "form": {"last_day": "2026-12-31"}, "account_number": "1234567895"}
    filing = await counter.begun(**foreign)
    digest = (await counter.admitted(filing, resident))["content"]["digest"]
    assert outcome(await counter.confirm(filing, resident, digest)) == (403, "account_not_yours")
    assert (await counter.seen(filing))["status"] == "admitted"


async def test_what_is_declined_withdrawn_or_forgotten_leaves_nothing_behind(
    api: httpx.AsyncClient, database: Database, counter: Counter, resident: Headers, person_id: UUID
) -> None:
    filings = [await counter.begun() for _ in range(4)]
    for filing in filings:
        await counter.add(filing, await uploaded(api, counter.clerk, path=COUNTER_MATERIALS))
    await counter.admitted(filings[0], resident)
    path = f"{CONFIRMATIONS}/{filings[0]['filing_id']}/decline"
    key = once()
    for _ in range(2):
        declined = await api.post(path, headers=resident | key)
        assert (declined.status_code, declined.json()["status"], declined.json()["content"]) == (200, "ended", None)
    assert (await counter.post(filings[1], "withdraw")).json()["status"] == "ended"
    assert outcome(await counter.post(filings[1], "withdraw")) == (409, "filing_not_possible")
    await counter.admitted(filings[2], resident)
    async with database.transaction() as tx:
        await erase_person(tx, person_id)
    with time_machine.travel(now() + timedelta(days=1, minutes=1)):
        await forget_unfiled(database)
        await forget_unfiled(database)
    async with database.read() as tx:
        rows = (await tx.scalars(select(CounterFiling))).all()
        assert (await tx.scalars(select(Material))).all() == []
    assert [(each.status, each.form, each.code_hash, each.person_id) for each in rows] == [
        ("ended", {}, None, None)
    ] * 4


async def test_who_took_a_case_in_does_not_decide_its_appeal(
    api: httpx.AsyncClient, tokens: Tokens, provider_id: UUID, resident: Headers
) -> None:
    belongs = {"organisation_id": str(new_id()), "division_code": YINING}
    clerk_id = new_id()
    roles = [{**belongs, "role": name} for name in ("clerk", "operator")]
    token = tokens.sign(sub=str(clerk_id), assurance_level=2, memberships=roles)
    both = Counter(api, {"Authorization": f"Bearer {token}"}, clerk_id, provider_id)
    _, case = await both.filed(resident, counter_division_code=YINING)
    case = await decided(api, clerk(tokens), case, "refuse", reason="no pipe there")
    case = await acted(api, APPLICATIONS, resident, case, "appeal", reason="there is one")
    assert outcome(await claim(api, both.clerk, case)) == (403, "second_person_needed")
    assert (await claim(api, clerk(tokens, role="operator"), case)).status_code == 200

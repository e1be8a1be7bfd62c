"""A company announces outages; everybody reads them, and the people concerned see them with their accounts."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from chassis.testing import once
from svc_services.accounts.premises.service import forget_unbound
from svc_services.supply.outages import service
from tests.svc_services.accounts.bindings.stored import code
from tests.svc_services.companies import ProviderSystem, answer_with_bytes, approved
from tests.svc_services.supply.outages.conftest import (
    COUNTY,
    MINE,
    OUTAGES,
    PREMISES,
    YINING,
    Company,
    hence,
    planned,
    sudden,
)


async def test_an_outage_is_public_in_four_languages(company: Company) -> None:
    outage = await company.announced(planned())
    listed = await company.api.get(OUTAGES, params={"division_code": YINING, "kind": "water"})
    assert (outage.pop("known_accounts"), outage.pop("unmatched_addresses")) == ("under_10", ["解放西路"])
    assert listed.json()["items"] == [outage]
    assert outage["cause_name"] == {"zh": "计划检修", "en": "Maintenance", "kk": "جوندەۋ جۇمىسى", "ug": "رېمونت قىلىش"}
    assert (outage["short_notice"], outage["notice_hours"], outage["version"]) == (False, 24, 1)
    again = await company.api.get(OUTAGES, headers={"If-None-Match": (await company.api.get(OUTAGES)).headers["ETag"]})
    assert again.status_code == 304
    for others in ({"division_code": COUNTY}, {"kind": "gas"}, {"status": "ended"}):
        assert (await company.api.get(OUTAGES, params=others)).json()["items"] == []
    assert code(await company.api.get(OUTAGES, params={"divison": YINING})) == (422, "unknown_parameter")
    assert code(await company.api.get(OUTAGES, params={"division_code": "654099"})) == (422, "unknown_division")


@pytest.mark.parametrize(("hours", "short"), [(23.9, True), (24.1, False)])
async def test_a_late_notice_is_marked(company: Company, hours: float, short: bool) -> None:  # noqa: FBT001 - a case
    outage = await company.announced(planned(starts_at=hence(hours=hours), expected_end=hence(hours=30)))
    assert outage["short_notice"] is short


async def test_an_earlier_start_is_a_new_notice_and_a_later_end_is_not(company: Company) -> None:
    outage = await company.announced(planned())
    async with company.database.transaction() as tx:
        await tx.execute(text("UPDATE outages SET starts_at = now() + interval '2 hours'"))
    outage["starts_at"] = (await company.api.get(OUTAGES)).json()["items"][0]["starts_at"]
    outage = (await company.change(outage, expected_end=hence(days=11))).json()
    assert (outage["short_notice"], outage["version"]) == (False, 2)
    wider = [*outage["areas"], {"division_code": YINING, "address": "解放南路"}]
    outage = (await company.change(outage, areas=wider)).json()
    assert (outage["short_notice"], outage["version"]) == (True, 3)


async def test_what_was_said_before_stays_public(company: Company) -> None:
    first = await company.announced(planned())
    second = (await company.change(first, expected_end=hence(days=10, hours=9), note="延长")).json()
    assert code(await company.change(first, note="older")) == (409, "outage_changed_meanwhile")
    third = (await company.act(second, "cancel", {"note": "改期"})).json()
    assert (third["status"], third["status_name"]["ug"]) == ("cancelled", "ئەمەلدىن قالدۇرۇلدى")
    shown = (await company.api.get(f"{OUTAGES}/{first['outage_id']}")).json()
    said = [(each["version"], each["status"], each["note"]) for each in shown["versions"]]
    assert said == [(3, "cancelled", "改期"), (2, "announced", "延长"), (1, "announced", "更换阀门")]
    assert shown["versions"][2]["expected_end"] == first["expected_end"]
    for action, body in (("cancel", {}), ("end", {"ended_at": hence()})):
        assert code(await company.act(first, action, body)) == (409, "outage_over")
    assert code(await company.change(third)) == (409, "outage_over")


async def test_what_has_begun_is_ended_and_not_cancelled(company: Company) -> None:
    outage = await company.announced(sudden())
    assert code(await company.act(outage, "cancel", {})) == (409, "outage_begun")
    assert code(await company.change(outage, starts_at=hence(minutes=-9))) == (409, "outage_begun")
    early = (datetime.fromisoformat(outage["starts_at"]) - timedelta(seconds=1)).isoformat()
    for wrong in (early, hence(hours=1)):
        assert code(await company.act(outage, "end", {"ended_at": wrong})) == (422, "outage_times_refused")
    ended = (await company.act(outage, "end", {"ended_at": hence(seconds=-1)})).json()
    assert (ended["status"], ended["version"], ended["short_notice"]) == ("ended", 2, False)


@pytest.mark.parametrize(
    "body",
    [
        planned(starts_at=hence(days=-1), expected_end=hence(days=1)),
        planned(expected_end=hence(days=9)),
        planned(expected_end=hence(days=80)),
        planned(starts_at=hence(days=200), expected_end=hence(days=201)),
        planned(starts_at="0001-01-01T00:00:00+14:00"),
        planned(starts_at="9999-12-31T23:59:59-12:00", expected_end="9999-12-31T23:59:59-14:00"),
        sudden(starts_at=hence(hours=1)),
        sudden(starts_at=hence(days=-4)),
    ],
    ids=["past", "order", "long", "far", "year 1", "year 9999", "sudden to come", "sudden long ago"],
)
async def test_times_that_cannot_be_meant_are_refused(company: Company, body: dict[str, Any]) -> None:
    assert code(await company.post(OUTAGES, body)) == (422, "outage_times_refused")


@pytest.mark.parametrize(
    "changes",
    [
        {"areas": []},
        {"areas": [{"division_code": YINING, "address": " , "}]},
        {"areas": [{"division_code": YINING}] * 201},
        {"areas": [{"division_code": YINING, "address": "路\u0000"}]},
        {"note": "x" * 301},
        {"nature": "planned", "expected_end": None},
        {"starts_at": 1_900_000_000},
        {"kind": "gas"},
    ],
    ids=["nowhere", "no street", "too many", "control", "long", "no end", "a number", "another kind"],
)
async def test_what_is_no_outage_is_refused(company: Company, changes: dict[str, Any]) -> None:
    body = {name: value for name, value in {**planned(), **changes}.items() if value is not None}
    assert code(await company.post(OUTAGES, body)) == (422, "invalid_request")


async def test_a_company_speaks_for_its_own_divisions_and_outages(company: Company) -> None:
    for foreign, refusal in (("654003", "division_not_supplied"), ("654000", "division_not_supplied")):
        areas = [{"division_code": foreign}]
        assert code(await company.post(OUTAGES, planned(areas=areas))) == (422, refusal)
    outage = await company.announced(planned())
    other = await approved(company.api, company.tokens, kind="gas")
    headers = company.tokens.client(other, "accounts:write")
    path = f"{OUTAGES}/{outage['outage_id']}/cancel"
    assert code(await company.api.post(path, json={}, headers=headers | once())) == (404, "not_found")
    unknown = company.tokens.client(company.house.guest_id, "accounts:write")
    assert code(await company.api.post(OUTAGES, json=planned(), headers=unknown | once())) == (403, "not_allowed")


async def test_a_suspended_company_announces_nothing(company: Company) -> None:
    async with company.database.transaction() as tx:
        await tx.execute(
            text("UPDATE providers SET suspended_at = now(), suspended_by = 'operator', suspension_reason = 'leak'")
        )
    assert code(await company.post(OUTAGES, planned())) == (403, "client_suspended")


async def test_a_repeated_announcement_is_one_outage(company: Company) -> None:
    key = once()
    body = planned()
    first, second = [await company.post(OUTAGES, body, **key) for _ in range(2)]
    assert (first.json(), second.headers["Idempotency-Replayed"]) == (second.json(), "true")
    assert len((await company.api.get(OUTAGES)).json()["items"]) == 1


async def test_two_changes_of_one_version_at_once_are_one(company: Company) -> None:
    outage = await company.announced(planned())
    answers = await asyncio.gather(*(company.change(outage, note=f"第{number}次") for number in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]


@pytest.mark.parametrize(
    ("address", "area", "concerned"),
    [
        ("解放西路12号3栋", "解放西路", True),
        ("解放西路12号3栋", "解放西路12号", True),
        ("解放西路12号3栋", "解放西路１２号", True),
        ("解放西路12号3栋", "解放西路 12号", True),
        ("解放西路12号3栋", "解放西路1", False),
        ("解放西路12号3栋", "解放西路12号3栋2单元", False),
        ("解放西路12号3栋", "西路", False),
        ("解放西路12号3栋", "伊宁市解放西路12号", True),
        ("解放西路12号3栋", "新疆维吾尔自治区伊犁哈萨克自治州 伊宁市 解放西路", True),
        ("新疆伊犁州伊宁市解放西路12号", "解放西路12号", True),
        ("解放西路12号3栋", "伊宁市", False),
        ("解放西路12号3栋", "%", False),
        ("ازاتتىق كوشەسى 12", "ازاتتىق كوشەسى", True),
        ("解放西路12号3栋", None, True),
    ],
)
async def test_who_is_concerned_is_found_by_address(
    company: Company,
    address: str,
    area: str | None,
    concerned: bool,  # noqa: FBT001 - a case
) -> None:
    await company.supplied(address)
    if area == "%":
        area = "%%%"
    outage = await company.announced(planned(areas=[{"division_code": YINING, "address": area}]))
    assert [each["outage_id"] for each in await company.mine()] == [outage["outage_id"]] * concerned


async def test_a_company_learns_roughly_whether_accounts_are_found_and_nobody_else(company: Company) -> None:
    few = await company.announced(planned())
    await company.supplied("解放西路12号")
    same = await company.announced(planned())
    assert (few["known_accounts"], same["known_accounts"]) == ("under_10", "under_10")
    async with company.database.transaction() as tx:
        await tx.execute(text("UPDATE account_premises SET address = '胜利路1号'"))
    for number in range(10):
        await company.neighbour(f"解放西路{number}号", 223456789 + number)
    changed = (await company.change(few, note="x")).json()
    assert changed["known_accounts"] == "10_to_99"
    assert "known_accounts" not in (await company.api.get(OUTAGES)).text


async def test_addresses_that_match_nobody_are_named_and_have_to_be_meant(company: Company) -> None:
    await company.supplied("解放西路12号")
    right, wrong = ["解放西路", "解放西路12号"], ["解放西路1-20号", "解放西路1", "解放路12号"]
    areas = [{"division_code": YINING, "address": address} for address in (*right, *wrong)]
    refused = await company.post(OUTAGES, planned(areas=areas, confirmed=None))
    assert (code(refused), refused.json()["areas"]) == ((409, "outage_areas_unmatched"), wrong)
    assert (await company.api.get(OUTAGES)).json()["items"] == []
    outage = await company.announced(planned(areas=areas))
    assert outage["unmatched_addresses"] == wrong
    changed = await company.change(outage, areas=areas[:2], confirmed=False)
    assert (changed.status_code, changed.json()["unmatched_addresses"]) == (200, [])
    elsewhere = [{"division_code": COUNTY, "address": "解放西路12号"}]
    assert code(await company.change(changed.json(), areas=elsewhere, confirmed=False))[1] == "outage_areas_unmatched"
    whole = await company.post(OUTAGES, planned(areas=[{"division_code": COUNTY}], confirmed=None))
    assert (whole.status_code, whole.json()["unmatched_addresses"]) == (201, [])


async def test_open_outages_of_a_company_are_bounded_also_at_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_OPEN", 2)
    answers = await asyncio.gather(*(company.post(OUTAGES, planned()) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409]
    assert {code(each) for each in answers if each.status_code == 409} == {(409, "too_many_outages")}
    (first, _) = (each.json() for each in answers if each.status_code == 201)
    await company.act(first, "cancel", {})
    assert (await company.post(OUTAGES, planned())).status_code == 201


async def test_another_division_has_streets_of_the_same_name(company: Company) -> None:
    await company.supplied("解放西路12号", division_code=COUNTY)
    await company.announced(planned())
    assert await company.mine() == []


async def test_without_an_address_an_account_is_concerned_by_what_covers_all(company: Company) -> None:
    await company.announced(planned(areas=[{"division_code": YINING}]))
    assert await company.mine() == []
    whole = await company.announced(planned(areas=[{"division_code": YINING}, {"division_code": COUNTY}]))
    assert [each["outage_id"] for each in await company.mine()] == [whole["outage_id"]]


async def test_strangers_and_those_who_have_left_see_nothing(company: Company) -> None:
    await company.supplied("解放西路12号")
    await company.announced(planned())
    member = await company.house.join()
    assert len(await company.mine(company.house.guest_id)) == 1
    await company.house.end(member["access_id"], company.house.guest_id)
    assert await company.mine(company.house.guest_id) == []
    await company.house.end(company.house.binding_id, company.house.owner_id)
    assert await company.mine() == []
    assert code(await company.api.get(MINE, headers=company.tokens.staff("auditor", assurance_level=1)))[0] == 403


async def premises(company: Company) -> list[str]:
    async with company.database.read() as tx:
        return list(await tx.scalars(text("SELECT address FROM account_premises")))


async def test_addresses_are_kept_for_bound_accounts_alone_and_as_long(company: Company) -> None:
    await company.supplied("解放西路12号")
    await company.supplied("解放西路 14号")
    await company.supplied("别处9号", account="9999999994")
    assert await premises(company) == ["解放西路14号"]
    await forget_unbound(company.database)
    assert await premises(company) == ["解放西路14号"]
    await company.house.end(company.house.binding_id, company.house.owner_id)
    await forget_unbound(company.database)
    assert await premises(company) == []
    foreign = {"premises": [{"account_number": "1", "division_code": "654003", "address": "解放西路"}]}
    assert code(await company.post(PREMISES, foreign)) == (422, "division_not_supplied")


@pytest.mark.parametrize(
    ("stated", "kept"),
    [
        ({"division_code": YINING, "address": "解放西路 12号"}, ["解放西路12号"]),
        ({"division_code": "654003", "address": "解放西路"}, []),
        ({"division_code": "999999", "address": "解放西路"}, []),
        ({"division_code": YINING, "address": "x" * 101}, []),
        ({"division_code": YINING}, []),
        ("解放西路", []),
        (None, []),
    ],
    ids=["address", "another division", "no division", "long", "no address", "text", "null"],
)
async def test_the_answer_about_the_holder_may_say_where(
    company: Company, provider_system: ProviderSystem, stated: object, kept: list[str]
) -> None:
    answer = {"result": "match", "premises": stated}
    provider_system.answer = answer_with_bytes(json.dumps(answer).encode())
    await company.house.end(company.house.binding_id, company.house.owner_id)
    assert (await company.bind()).status_code == 201
    assert await premises(company) == kept

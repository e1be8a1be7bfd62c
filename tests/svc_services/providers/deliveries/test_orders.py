"""People of a company read what it was told, have it sent again, and pause it; strangers see nothing."""

import asyncio
from datetime import timedelta

import pytest

from chassis.db import Database, new_id, now
from chassis.testing import Tokens, once
from kit.evidence.retention import carry_out
from svc_services.providers.deliveries import service
from svc_services.providers.deliveries.leasing import begin, lease
from svc_services.providers.deliveries.service import give_up_due
from svc_services.retention import RETENTION
from tests.security_log import SecurityLog
from tests.svc_services.companies import ProviderSystem
from tests.svc_services.providers.deliveries.sink import RECEIVED, REFUSED, Receiver, receiver
from tests.svc_services.providers.own_company.test_own_company import ADMIN, OPERATOR, OWN


async def given_up(company: Receiver, count: int) -> None:
    for _ in range(count):
        await company.tell(version=1)
    await company.let_pass(timedelta(hours=72))
    await give_up_due(company.database)


def at(hours: int) -> str:
    return (now() + timedelta(hours=hours)).isoformat()


async def test_people_of_the_company_list_deliveries_by_status_and_their_tries(company: Receiver) -> None:
    await company.tell(version=1)
    await company.send()
    company.system.answer = REFUSED
    await company.tell(version=1)
    await company.send()
    done, waiting = await company.rows()
    everything = (await company.read("deliveries"))["items"]
    assert [each["delivery_id"] for each in everything] == [str(waiting.id), str(done.id)]
    assert everything[0]["try_at"] is not None
    assert (everything[1]["try_at"], everything[1]["give_up_at"]) == (None, None)
    (shown,) = (await company.read("deliveries?status=delivered"))["items"]
    assert shown == await company.read(f"deliveries/{done.id}", company.admin)
    (tried,) = (await company.read(f"deliveries/{waiting.id}/attempts"))["items"]
    assert (tried["number"], tried["status"], tried["fault"], tried["answer"]) == (1, 422, "wrong_status", "not_now")
    page = await company.read("deliveries?limit=1")
    rest = await company.read(f"deliveries?limit=1&cursor={page['next_cursor']}")
    assert [each["items"][0]["delivery_id"] for each in (page, rest)] == [str(waiting.id), str(done.id)]


async def test_one_is_sent_again_under_its_id(company: Receiver, security_log: SecurityLog) -> None:
    await company.tell(version=1)
    await company.send()
    (row,) = await company.rows()
    answer = await company.order(f"deliveries/{row.id}/repeat")
    assert (answer.status_code, answer.json()["status"]) == (200, "pending")
    await company.send()
    first, second = company.system.requests
    assert first.body == second.body
    assert [each.number for each in await company.attempts()] == [1, 2]
    assert security_log.lines()[-1]["kind"] == "deliveries_repeated"
    refused = await company.order(f"deliveries/{row.id}/repeat")
    assert (refused.status_code, refused.json()["code"]) == (429, "delivery_repeated_moments_ago")
    assert refused.headers["retry-after"] == "60"
    await company.let_pass(timedelta(minutes=1))
    assert (await company.order(f"deliveries/{row.id}/repeat")).status_code == 200


async def test_what_was_given_up_is_tried_for_another_72_hours(company: Receiver) -> None:
    await given_up(company, 1)
    (row,) = await company.rows()
    company.system.answer = REFUSED
    await company.order(f"deliveries/{row.id}/repeat")
    await company.send()
    await company.let_pass(timedelta(hours=71))
    await give_up_due(company.database)
    assert [each.status for each in await company.rows()] == ["pending"]
    await company.let_pass(timedelta(hours=1))
    await give_up_due(company.database)
    assert [each.status for each in await company.rows()] == ["given_up"]


async def test_all_that_was_given_up_since_a_time_is_sent_again_in_bounds(
    company: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_AT_ONCE", 3)
    await given_up(company, 2)
    await company.let_pass(timedelta(hours=2))
    await given_up(company, 4)
    await company.let_pass(timedelta(hours=-71))  # the later four, an hour ago
    answers = []
    for _ in range(3):
        answer = await company.order("deliveries/repeat", since=at(-2 - 24 * 30))
        assert answer.status_code == 200, answer.text
        answers.append((answer.json()["repeated"], answer.json()["more"]))
        limited = await company.order("deliveries/repeat", since=at(-1))
        await company.let_pass(timedelta(minutes=1))
    assert answers == [(3, True), (3, False), (0, False)]
    assert limited.status_code == 200  # nothing was sent again, so there is nothing to wait for
    await company.send()
    assert await company.all_received()


async def test_what_was_given_up_earlier_stays(company: Receiver) -> None:
    await given_up(company, 1)
    assert (await company.order("deliveries/repeat", since=at(1))).json() == {"repeated": 0, "more": False}
    assert (await company.order("deliveries/repeat", since=at(-1))).json() == {"repeated": 1, "more": False}
    refused = await company.order("deliveries/repeat", since=at(-1))
    assert (refused.status_code, refused.json()["code"]) == (429, "delivery_repeated_moments_ago")


@pytest.mark.parametrize("since", ["yesterday", "2026-01-01T00:00:00", "0000-00-00T00:00:00Z", "9" * 400, "\u0000"])
async def test_a_time_that_is_none_is_refused(company: Receiver, since: str) -> None:
    assert (await company.order("deliveries/repeat", since=since)).status_code == 422


@pytest.mark.parametrize("since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1969-01-01T00:00:00Z"])
async def test_a_time_far_away_is_one(company: Receiver, since: str) -> None:
    await given_up(company, 1)
    answer = await company.order("deliveries/repeat", since=since)
    assert (answer.status_code, answer.json()["repeated"]) == (200, 0 if since.startswith("9") else 1)


async def test_two_who_repeat_at_once_have_it_sent_once(company: Receiver) -> None:
    await given_up(company, 5)
    answers = await asyncio.gather(*(company.order("deliveries/repeat", since=at(-1)) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429]
    await company.send()
    assert len(company.system.requests) == 5


async def test_an_admin_pauses_and_resumes(company: Receiver, security_log: SecurityLog) -> None:
    await company.tell(version=1)
    for _ in range(2):
        paused = await company.order("delivery-endpoint/pause")
        assert paused.status_code == 200, paused.text
    assert paused.json()["paused_at"] is not None
    await company.send()
    assert company.system.requests == []
    resumed = await company.order("delivery-endpoint/resume")
    assert resumed.json()["paused_at"] is None
    await company.send()
    assert await company.all_received()
    assert [line["kind"] for line in security_log.lines()][-2:] == ["deliveries_paused", "deliveries_resumed"]


async def test_operators_of_a_company_only_read(company: Receiver) -> None:
    await company.tell(version=1)
    (row,) = await company.rows()
    for path in (f"deliveries/{row.id}/repeat", "delivery-endpoint/pause", "delivery-endpoint/resume"):
        assert (await company.order(path, company.operator)).status_code == 403
    assert (await company.order("deliveries/repeat", company.operator, since=at(-1))).status_code == 403


async def test_what_waits_through_a_pause_is_given_up_in_its_time(company: Receiver) -> None:
    await company.order("delivery-endpoint/pause")
    await given_up(company, 1)
    assert [each.status for each in await company.rows()] == ["given_up"]


async def test_what_a_worker_left_behind_when_it_was_killed_is_given_up_too(company: Receiver) -> None:
    await company.tell(version=1)
    async with company.database.transaction() as tx:
        await lease(tx, await begin(tx, company.provider_id), timedelta(hours=72, seconds=1), 1)
    await company.let_pass(timedelta(hours=72))
    await give_up_due(company.database)
    assert [each.status for each in await company.rows()] == ["sending"]
    await company.let_pass(timedelta(seconds=1))
    await give_up_due(company.database)
    assert [each.status for each in await company.rows()] == ["given_up"]


async def test_a_resumption_tries_a_dead_endpoint_at_once(company: Receiver) -> None:
    company.system.answer = REFUSED
    url = "http://127.0.0.1:1/platform"
    await company.move(url)
    for _ in range(12):
        await company.tell(version=1)
    await company.send()
    company.system.answer = RECEIVED
    await company.move(company.system.url)
    await company.send()
    assert company.system.requests == []
    assert (await company.order("delivery-endpoint/resume")).status_code == 200
    await company.send()
    assert await company.all_received()


async def test_strangers_see_nothing_of_a_company(company: Receiver, tokens: Tokens, database: Database) -> None:
    await company.tell(version=1)
    (row,) = await company.rows()
    with ProviderSystem().running() as system:
        other = await receiver(company.api, tokens, database, system, company.sender.key)
        for headers in (other.admin, other.operator, tokens.staff(ADMIN), tokens.staff(OPERATOR)):
            for path in ("deliveries", f"deliveries/{row.id}", f"deliveries/{row.id}/attempts", "delivery-endpoint"):
                assert (await company.api.get(f"{company.path}/{path}", headers=headers)).status_code == 404, path
        for path in (f"deliveries/{row.id}/repeat", "delivery-endpoint/pause", "delivery-endpoint/resume"):
            assert (await company.order(path, other.admin)).status_code == 404
        assert (await company.order("deliveries/repeat", other.admin, since=at(-1))).status_code == 404
        # Nor through a company of one's own.
        for path in (f"deliveries/{row.id}", f"deliveries/{row.id}/attempts"):
            answer = await company.api.get(f"{OWN}/{other.provider_id}/{path}", headers=other.admin)
            assert answer.status_code == 404
        assert (await other.order(f"deliveries/{row.id}/repeat")).status_code == 404
    assert (await company.rows())[0].repeated_at is None


async def test_operators_read_within_their_reach(company: Receiver, tokens: Tokens) -> None:
    await company.tell(version=1)
    await company.send()
    (row,) = await company.rows()
    params = {"provider_id": str(company.provider_id), "status": "delivered"}
    for headers, seen in ((tokens.staff("operator"), 1), (tokens.staff("operator", division_code="654002"), 0)):
        listed = await company.api.get("/services/v1/deliveries", params=params, headers=headers)
        assert len(listed.json()["items"]) == seen
        attempts = await company.api.get(f"/services/v1/deliveries/{row.id}/attempts", headers=headers)
        assert attempts.status_code == (200 if seen else 404)


async def test_an_order_is_carried_out_once_per_key(company: Receiver) -> None:
    await given_up(company, 1)
    (row,) = await company.rows()
    headers = company.admin | once()
    for replayed in (False, True):
        answer = await company.api.post(f"{company.path}/deliveries/{row.id}/repeat", headers=headers)
        assert answer.status_code == 200
        assert ("idempotency-replayed" in answer.headers) == replayed


async def test_an_unknown_delivery_is_not_found(company: Receiver) -> None:
    assert (await company.order(f"deliveries/{new_id()}/repeat")).status_code == 404
    assert (await company.api.get(f"{company.path}/deliveries/{new_id()}", headers=company.admin)).status_code == 404


async def test_the_log_is_kept_for_90_days(company: Receiver) -> None:
    await company.tell(version=1)
    await company.send()
    await company.let_pass(timedelta(days=89))
    await carry_out(company.database, RETENTION)
    assert len(await company.rows()) == 1
    await company.let_pass(timedelta(days=2))
    await carry_out(company.database, RETENTION)
    assert await company.rows() == []
    assert await company.attempts() == []

"""Public figures of ended cases: right, of ten cases and more, harmless in spreadsheets, quick with many."""

import csv
import io
import statistics
from math import ceil
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text, update

from chassis.db import Database
from svc_services.providers.applications.models import Provider

LEAGUE = "/services/v1/league"
_CASES = """
INSERT INTO applications (id, person_id, provider_id, workflow_id, kind, division_code, form, status, state, version,
    consumed_days, state_days, counted_to, clock_runs, level, calendar_revision, promised_by_weekdays, created_at,
    ended_at, case_number, extended_days)
SELECT uuidv7(), coalesce(CAST(:person_id AS uuid), uuidv7()), :provider_id,
    (SELECT id FROM workflows WHERE application_kind = 'closure' LIMIT 1),
    'closure', '654002', '{}', 'ended', :state, 2, used, '{}', '2026-03-20', false, 0, 0, false,
    :ended_at, CAST(:ended_at AS timestamptz), gen_random_uuid()::text, 0
FROM unnest(CAST(:days AS integer[])) AS used
"""
_RATINGS = """
INSERT INTO ratings (id, application_id, provider_id, division_code, kind, stage, round, grade, tags, rated_at)
SELECT gen_random_uuid(), id, provider_id, division_code, kind, 'conclusion', 1, :grade, '[]', ended_at
FROM applications WHERE status = 'ended'
"""


async def ended(
    database: Database,
    provider_id: UUID,
    days: list[int],
    at: str = "2026-03-20T12:00:00+08:00",
    *,
    state: str = "completed",
    person_id: UUID | None = None,
) -> None:
    async with database.transaction() as tx:
        statement = text(_CASES.replace(":ended_at", f"'{at}'"))
        await tx.execute(statement, {"provider_id": provider_id, "days": days, "state": state, "person_id": person_id})


async def league(api: httpx.AsyncClient, by: str, month: str = "2026-03") -> list[dict[str, object]]:
    answer = await api.get(LEAGUE, params={"by": by, "month": month})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, object]] = answer.json()["items"]
    return items


async def test_figures_are_what_a_naive_count_gives(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    days = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 30]
    await ended(database, provider_id, days)
    async with database.transaction() as tx:
        await tx.execute(text(_RATINGS), {"grade": 4})
    for by, key in (("provider", str(provider_id)), ("division", "654002"), ("kind", "closure")):
        (line,) = await league(api, by)
        assert (line["key"], line["cases"], line["on_time_share"]) == (key, 11, round(5 / 11, 4))
        assert (line["median_days"], line["p90_days"]) == (statistics.median(days), days[ceil(0.9 * 11) - 1])
        assert (line["ratings"], line["average_grade"]) == (11, 4.0)


async def test_fewer_than_ten_cases_or_ratings_are_nobodys_business(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await ended(database, provider_id, [1] * 9)
    async with database.transaction() as tx:
        await tx.execute(text(_RATINGS), {"grade": 1})
    assert [await league(api, by) for by in ("provider", "division", "kind")] == [[], [], []]


async def test_ten_cases_of_which_fewer_are_rated_show_no_grade(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await ended(database, provider_id, [1] * 9)
    async with database.transaction() as tx:
        await tx.execute(text(_RATINGS), {"grade": 1})
    await ended(database, provider_id, [1])
    (line,) = await league(api, "division")
    assert (line["cases"], line["ratings"], line["average_grade"]) == (10, None, None)


async def test_cases_that_were_withdrawn_or_lapsed_count_for_nobody(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await ended(database, provider_id, [0] * 10, state="withdrawn")
    await ended(database, provider_id, [0] * 10, state="lapsed")
    assert await league(api, "provider") == []


async def test_one_person_makes_no_figure(api: httpx.AsyncClient, database: Database, provider_id: UUID) -> None:
    await ended(database, provider_id, [0] * 20, person_id=uuid4())
    await ended(database, provider_id, [5] * 8)
    assert await league(api, "provider") == []
    await ended(database, provider_id, [5])
    (line,) = await league(api, "division")
    assert (line["cases"], line["ratings"]) == (29, None)


async def test_a_month_ends_at_midnight_in_china(api: httpx.AsyncClient, database: Database, provider_id: UUID) -> None:
    await ended(database, provider_id, [1] * 10, "2026-03-31T23:59:59+08:00")
    await ended(database, provider_id, [1] * 11, "2026-04-01T00:00:00+08:00")
    assert [(await league(api, "kind", month))[0]["cases"] for month in ("2026-03", "2026-04")] == [10, 11]
    await ended(database, provider_id, [1] * 12, "2026-12-31T23:59:59+08:00")
    assert (await league(api, "kind", "2026-12"))[0]["cases"] == 12


async def test_the_table_opens_in_excel_and_runs_no_formula(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await ended(database, provider_id, [1] * 10)
    async with database.transaction() as tx:
        await tx.execute(update(Provider).values(name="=HYPERLINK(1)水务"))
    answer = await api.get(f"{LEAGUE}-csv", params={"by": "provider", "month": "2026-03"})
    assert answer.content.startswith(b"\xef\xbb\xbf")
    heading, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (heading[1], row[1], row[2:6]) == ("名称", "'=HYPERLINK(1)水务", ["10", "100.00", "1", "1"])
    assert answer.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize("params", [{}, {"month": "2026-13", "by": "kind"}, {"month": "2026-03", "by": "person"}])
async def test_what_is_not_published_is_refused(api: httpx.AsyncClient, params: dict[str, str]) -> None:
    assert (await api.get(LEAGUE, params=params)).status_code == 422


async def test_an_unchanged_figure_is_spared(api: httpx.AsyncClient) -> None:
    params = {"month": "2026-03", "by": "kind"}
    etag = (await api.get(LEAGUE, params=params)).headers["etag"]
    assert (await api.get(LEAGUE, params=params, headers={"If-None-Match": etag})).status_code == 304


async def test_the_figures_of_a_month_are_read_from_their_index(database: Database, provider_id: UUID) -> None:
    for month in range(1, 13):
        await ended(database, provider_id, [1] * 2000, f"2026-{month:02}-10T12:00:00+08:00")
    async with database.transaction() as tx:
        found = await tx.execute(
            text(
                "EXPLAIN SELECT division_code, count(*) FROM applications WHERE status = 'ended' "
                "AND ended_at >= '2026-03-01' AND ended_at < '2026-04-01' GROUP BY 1"
            )
        )
        plan = " ".join(str(row[0]) for row in found)
    assert "ix_applications_ended" in plan


_COMPLAINTS = """
INSERT INTO complaints (id, number, source, person_id, provider_id, division_code, subject, subject_verified,
    contact_shared, handler, status, disputed, reopened, revision, filed_at, accepted_at, limit_days, consumed_days,
    counted_to, due_on, level, calendar_revision)
SELECT uuidv7(), gen_random_uuid()::text, 'resident', uuidv7(), :provider_id, '654002', 'service', true, false,
    CASE WHEN :accepted THEN 'authority' END, CASE WHEN :accepted THEN 'handling' ELSE 'filed' END, false, false, 1,
    '2026-03-31T23:59:59+08:00', CASE WHEN :accepted THEN now() END, 5, 0, '2026-03-31', '2026-04-08', 0, 0
FROM generate_series(1, :count)
"""


async def complained(database: Database, provider_id: UUID, count: int, *, accepted: bool = True) -> None:
    async with database.transaction() as tx:
        await tx.execute(text(_COMPLAINTS), {"provider_id": provider_id, "count": count, "accepted": accepted})


async def figures(api: httpx.AsyncClient, by: str, month: str = "2026-03") -> list[tuple[str, int]]:
    answer = await api.get("/services/v1/complaint-figures", params={"by": by, "month": month})
    assert answer.status_code == 200, answer.text
    return [(each["key"], each["complaints"]) for each in answer.json()["items"]]


async def test_fewer_than_ten_accepted_complaints_are_not_public(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await complained(database, provider_id, 9)
    await complained(database, provider_id, 30, accepted=False)
    assert [await figures(api, by) for by in ("provider", "division")] == [[], []]
    await ended(database, provider_id, [1] * 10)
    assert [each["complaints"] for each in await league(api, "provider")] == [None]


async def test_ten_accepted_complaints_and_more_are_public(
    api: httpx.AsyncClient, database: Database, provider_id: UUID
) -> None:
    await ended(database, provider_id, [1] * 10)
    await complained(database, provider_id, 10)
    ten = [[(str(provider_id), 10)], [("654002", 10)]]
    assert [await figures(api, by) for by in ("provider", "division")] == ten
    assert await figures(api, "provider", "2026-04") == []
    assert [each["complaints"] for each in await league(api, "provider")] == [10]
    assert [each["complaints"] for each in await league(api, "kind")] == [None]
    kinds = await api.get("/services/v1/complaint-figures", params={"by": "kind", "month": "2026-03"})
    assert kinds.status_code == 422

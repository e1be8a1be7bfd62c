"""The queue of reviews by what is due first, also when it is long."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from sqlalchemy import text

from chassis.auth import Caller, Membership
from chassis.db import CHINA, Database, new_id, now
from chassis.pagination import PageRequest, cursor_after
from svc_miniapps.publishing.reviews.queue import waiting
from svc_miniapps.publishing.reviews.schemas import QueueFilters
from tests.databases import as_administrator
from tests.svc_miniapps.publishing.reviews.test_reviews import submitted
from tests.svc_miniapps.publishing.reviews.test_reviews import waiting as listed
from tests.svc_miniapps.stage import KUYTUN, YINING, Json, Stage, outcome

FRIDAY_NIGHT = datetime(2026, 3, 6, 23, tzinfo=CHINA)
SATURDAY_MORNING = datetime(2026, 3, 7, 10, tzinfo=CHINA)
_COPIES = """
CREATE TEMPORARY TABLE made AS
SELECT gen_random_uuid() AS app, gen_random_uuid() AS package, gen_random_uuid() AS release, n
FROM generate_series(1, :count) AS n;
INSERT INTO apps SELECT copy.* FROM apps AS row CROSS JOIN made CROSS JOIN
LATERAL jsonb_populate_record(row, jsonb_build_object('id', app)) AS copy;
INSERT INTO packages SELECT copy.* FROM packages AS row CROSS JOIN made CROSS JOIN
LATERAL jsonb_populate_record(row, jsonb_build_object('id', package, 'app_id', app)) AS copy;
INSERT INTO releases SELECT copy.* FROM releases AS row CROSS JOIN made CROSS JOIN LATERAL jsonb_populate_record(
row, jsonb_build_object('id', release, 'app_id', app, 'package_id', package)) AS copy;
INSERT INTO reviews SELECT copy.* FROM reviews AS row CROSS JOIN made CROSS JOIN LATERAL jsonb_populate_record(
row, jsonb_build_object('id', gen_random_uuid(), 'release_id', release,
'outcome', CASE n % 4 WHEN 0 THEN 'waiting' ELSE 'withdrawn' END,
'due_at', now() + interval '1 minute' * ((n * 7919) % 10007))) AS copy;
ANALYZE apps; ANALYZE packages; ANALYZE releases; ANALYZE reviews
"""


async def at(moment: datetime, stage: Stage, name: str) -> str:
    with time_machine.travel(moment):
        return await submitted(Stage(stage.api, stage.tokens), name)


async def both(stage: Stage) -> tuple[str, str]:
    """What is submitted on a Saturday counts from Monday on, so it is due before what came on Friday night."""
    return await at(FRIDAY_NIGHT, stage, "甲应用"), await at(SATURDAY_MORNING, stage, "乙应用")


async def test_what_is_due_first_leads(stage: Stage) -> None:
    friday, saturday = await both(stage)
    with time_machine.travel(SATURDAY_MORNING + timedelta(hours=1)):
        reviewer = stage.tokens.staff("reviewer", organisation_id=new_id())
        assert [each["release_id"] for each in await listed(stage, reviewer)] == [saturday, friday]


async def test_pages_follow_the_due_time(stage: Stage) -> None:
    friday, saturday = await both(stage)
    with time_machine.travel(SATURDAY_MORNING + timedelta(hours=1)):
        reviewer = stage.tokens.staff("reviewer", organisation_id=new_id())
        first = await stage.api.get("/miniapps/v1/reviews", params={"limit": 1}, headers=reviewer)
        rest = await listed(stage, reviewer, cursor=first.json()["next_cursor"])
    assert [each["release_id"] for each in first.json()["items"] + rest] == [saturday, friday]


async def test_late_and_near_due_reviews_lead_and_can_be_asked_for(stage: Stage) -> None:
    friday, saturday = await both(stage)
    with time_machine.travel(datetime(2026, 3, 11, 12, tzinfo=CHINA)):  # between the two due times
        reviewer = stage.tokens.staff("reviewer", organisation_id=new_id())
        fresh = await submitted(Stage(stage.api, stage.tokens), "丙应用")
        found = [(each["release_id"], each["flag"]) for each in await listed(stage, reviewer)]
        late, near = [await listed(stage, reviewer, flag=flag) for flag in ("red", "yellow")]
        nowhere = await listed(stage, reviewer, division_code=KUYTUN)
        here = await listed(stage, reviewer, division_code=YINING, flag="red")
    assert found == [(saturday, "red"), (friday, "yellow"), (fresh, "green")]
    assert ([each["release_id"] for each in late], [each["release_id"] for each in near]) == ([saturday], [friday])
    assert (nowhere, [each["release_id"] for each in here]) == ([], [saturday])


@pytest.mark.parametrize(
    "after",
    [
        str(UUID(int=0)),
        "2026-03-11T12:00:00 00000000-0000-0000-0000-000000000000",
        "2026-03-11T12:00:00+00:00 x",
        "0001-01-01T00:00:00+14:00 00000000-0000-0000-0000-000000000000",
        "9999-12-31T23:59:59-14:00 00000000-0000-0000-0000-000000000000",
        " ",
    ],
)
async def test_a_cursor_of_nobody_is_refused(stage: Stage, after: str) -> None:
    answer = await stage.api.get("/miniapps/v1/reviews", params={"cursor": cursor_after(after)}, headers=stage.reviewer)
    assert outcome(answer) == (400, "bad_cursor")


async def fill(database: Database, count: int) -> None:
    """So many reviews, a quarter of them waiting; without triggers, which would seal each."""
    administrator = Database(as_administrator(database.engine.url))
    async with administrator.transaction() as tx:
        await tx.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _COPIES.split(";"):
            await tx.execute(text(statement), {"count": count} if ":count" in statement else {})
    await administrator.close()


async def plan(database: Database, filters: QueueFilters, after: str | None = None) -> str:
    reviewer = Caller(
        *(str(new_id()), "person", "app", frozenset(), 2),
        (Membership(organisation_id=new_id(), role="reviewer", division_code=YINING),),
    )
    query = waiting(reviewer, filters, now(), PageRequest(50, after))
    dialect = database.engine.dialect
    literal = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    async with database.read() as tx:
        return "\n".join(await tx.scalars(text(f"EXPLAIN {literal}".replace(":", "\\:"))))


@pytest.mark.parametrize("filters", [QueueFilters(), QueueFilters(division_code=YINING)])
async def test_a_long_queue_is_read_in_the_order_of_its_index(
    stage: Stage, database: Database, filters: QueueFilters
) -> None:
    await submitted(stage, "停车泊位")
    await fill(database, 20_000)
    half = f"{(now() + timedelta(minutes=5000)).isoformat()} {UUID(int=0)}"
    for after in (None, half):
        found = await plan(database, filters, after)
        assert "Index Scan using ix_reviews_waiting" in found, found
        assert "Sort" not in found, found


async def test_the_pages_of_a_long_queue_have_each_review_once(stage: Stage, database: Database) -> None:
    await submitted(stage, "停车泊位")
    await fill(database, 2_000)
    seen, cursor = list[Json](), None
    while True:
        query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = (await stage.api.get("/miniapps/v1/reviews", params=query, headers=stage.reviewer)).json()
        seen += page["items"]
        if (cursor := page["next_cursor"]) is None:
            break
    assert len({each["release_id"] for each in seen}) == len(seen) == 501
    assert [each["due_at"] for each in seen] == sorted(each["due_at"] for each in seen)

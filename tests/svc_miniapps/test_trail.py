"""What the tables' owner changes of packages, releases and reviews is found; the worker anchors the trail."""

from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from chassis.db import Database, new_id
from kit.audit.anchoring import Anchoring
from svc_miniapps.catalogue.deltas.worker import make_deltas
from svc_miniapps.packages.store import opened
from svc_miniapps.settings import Settings, WorkerSettings
from svc_miniapps.trail import COMMAND, TRAIL
from svc_miniapps.worker import make_schedules
from tests.anchor_keys import anchor_key
from tests.svc_miniapps.insights.phones import raters
from tests.svc_miniapps.insights.test_recommended import in_force
from tests.svc_miniapps.publishing.clients.test_clients import approved, ask, suspend
from tests.svc_miniapps.publishing.complaints.test_complaints import answered
from tests.svc_miniapps.publishing.handovers.test_handovers import Other, proposed
from tests.svc_miniapps.publishing.quotas.test_quotas import changed
from tests.svc_miniapps.publishing.shutdowns.test_shutdowns import announced
from tests.svc_miniapps.publishing.take_downs.test_take_downs import taken_down
from tests.svc_miniapps.runtime.scene import Runtime
from tests.svc_miniapps.stage import REASONS, Json, Stage
from tests.svc_miniapps.team_servers import proven
from tests.svc_miniapps.webhook_receiver import signing_key_pem
from tests.tampering.trial import Proof, assert_every_change_is_found, forge, run_hourly


@pytest.fixture
def proof(tmp_path: Path) -> Proof:
    return Proof(COMMAND, (tmp_path / "anchors").as_uri())


async def play(stage: Stage, settings: Settings, database: Database) -> None:
    """A newer version, a gray one, a take-down, a draft; a rejected and resubmitted one; a hand-over."""
    app, other = await stage.registered(), await stage.registered(name="公交到站")
    await stage.published(app)
    await proven(stage, database, app, "parking.localhost")
    await stage.published(app, 2)
    assert await make_deltas(database, opened(settings.packages)) == 1
    release_id = await stage.draft(other)
    for step in ("submit", "reject", "submit", "withdraw", "submit", "approve"):
        assert (await stage.step(release_id, step)).status_code == 200
    gray = await stage.gray(app, 3)
    assert (await stage.step(gray, "claim", stage.reviewer)).status_code == 409  # it was decided
    await approved(stage, app)
    assert (await suspend(stage, app)).status_code == 200
    assert (await ask(stage, app)).status_code == 201
    await messages_of(stage, app)
    await raters(stage, app, [5, 1], "不好用")
    ratings = (await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/ratings", headers=stage.team)).json()["items"]
    path = f"/miniapps/v1/apps/{app['app_id']}/ratings/{ratings[0]['rating_id']}/reply"
    assert (await stage.api.put(path, json={"words": "谢谢"}, headers=stage.team)).status_code == 200
    await in_force(stage, app)
    await taken_down(stage, app)
    await stage.draft(app, 4)
    library = await stage.registered(name="体育馆")
    await announced(stage, library)
    await changed(stage, app_quota=60)
    await answered(stage, other)
    await proposed(stage, Other(stage), other)


async def messages_of(stage: Stage, app: Json) -> None:
    """A template that is rejected, one that is retired, and a quota that is set."""
    runtime = Runtime(stage)
    rejected, retired = (await runtime.submit(app)).json(), await runtime.template(app)
    assert (await runtime.decide(rejected, "reject", body={"reason": "请说明"})).status_code == 200
    assert (await runtime.decide(retired, "retire")).status_code == 200
    path, body = f"/miniapps/v1/apps/{app['app_id']}/call-quotas/send_message", {"daily_limit": 5, "reason": "试运行"}
    assert (await stage.api.put(path, json=body, headers=stage.operator)).status_code == 200


@pytest_asyncio.fixture
async def played(stage: Stage, settings: Settings, database: Database, proof: Proof) -> Database:
    """The scene, anchored twice."""
    anchoring = Anchoring(TRAIL, proof.store_url, anchor_key())
    await play(stage, settings, database)
    await anchoring.anchor(database)
    await stage.registered(name="图书馆")
    await anchoring.anchor(database)
    return database


async def test_every_random_change_is_found(played: Database, proof: Proof) -> None:
    of_checks = {"app_domains": {"checks", "check_at", "checked_at", "confirmed_at"}}
    await assert_every_change_is_found(played, proof, of_checks)


async def test_a_row_that_another_role_writes_is_named(played: Database, proof: Proof) -> None:
    review_id = new_id()
    await forge(played, "reviews", id=review_id, outcome="withdrawn", reviewer_id=None)
    assert await proof.findings(played) == [
        f"reviews {review_id}: written by the database role postgres, not by the service."
    ]


async def test_the_worker_anchors_every_hour(
    settings: Settings, stage: Stage, database: Database, proof: Proof
) -> None:
    await stage.registered()
    of_worker = {"anchors": proof.store_url, "anchor_key": anchor_key(), "provider_signing_key": signing_key_pem()}
    schedules = make_schedules(WorkerSettings(**settings.model_dump() | of_worker), database)
    ending = [each for each in schedules if each.name != "Sender.run"]  # it sends until it is cancelled
    assert await run_hourly(ending, proof) == [[1], [1], [1, 2], [1, 2]]


async def test_what_a_reviewer_writes_is_sealed_as_a_hash(played: Database) -> None:
    async with played.read() as tx:
        seals = await tx.scalars(text("SELECT content::text FROM audit_seals WHERE table_name = 'reviews'"))
        assert REASONS[0]["message"] not in "".join(seals)

"""What the events of a release say."""

from chassis.db import Database
from chassis.testing import emitted
from svc_miniapps.publishing.releases.models import Status
from tests.svc_miniapps.publishing.releases.test_releases import brought_to
from tests.svc_miniapps.stage import Stage


async def test_events_name_staff_by_id_only(stage: Stage, database: Database) -> None:
    release_id = await brought_to(stage, Status.PUBLISHED)
    async with database.read() as tx:
        events = [event for event in await emitted(tx) if event.key == release_id]
    common = {"release_id", "app_id", "version", "version_code", "division_code", "category"}
    assert [set(event.data) - common for event in events] == [
        {"submitted_by"},
        {"reviewer_id"},
        {"sha256", "size_bytes", "is_rollback"},
    ]

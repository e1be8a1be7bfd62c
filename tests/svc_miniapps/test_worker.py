"""The second process of the service."""

from chassis.outbox import Event
from contracts.documents import events_of
from svc_miniapps.settings import Settings, WorkerSettings
from svc_miniapps.worker import make_worker
from tests.anchor_keys import anchor_key
from tests.svc_miniapps.webhook_receiver import signing_key_pem


async def test_the_worker_publishes_every_event_of_the_service(settings: Settings) -> None:
    announced: set[type[Event]] = set(events_of("miniapps"))
    of_worker = {"anchors": "file:///nowhere", "anchor_key": anchor_key(), "provider_signing_key": signing_key_pem()}
    worker = make_worker(WorkerSettings(**settings.model_dump() | of_worker))
    assert set(worker.publishes) == announced

"""The second process of the service."""

from chassis.outbox import Event
from chassis.service import Worker
from contracts.documents import events_of
from svc_miniapps.settings import Settings, WorkerSettings
from svc_miniapps.worker import make_worker
from tests.anchor_keys import anchor_key
from tests.svc_miniapps.webhook_receiver import signing_key_pem


def worker_of(settings: Settings) -> Worker:
    of_worker = {"anchors": "file:///nowhere", "anchor_key": anchor_key(), "provider_signing_key": signing_key_pem()}
    return make_worker(WorkerSettings(**settings.model_dump() | of_worker))


async def test_the_worker_publishes_every_event_of_the_service(settings: Settings) -> None:
    announced: set[type[Event]] = set(events_of("miniapps"))
    assert set(worker_of(settings).publishes) == announced


async def test_an_event_type_has_one_handler_as_a_second_one_would_replace_it(settings: Settings) -> None:
    handled = [handler.event_type for handler in worker_of(settings).handles]
    assert sorted(handled) == sorted(set(handled))

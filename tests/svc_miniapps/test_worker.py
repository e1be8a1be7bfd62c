"""The second process of the service."""

from chassis.outbox import Event
from contracts.documents import events_of
from svc_miniapps.settings import Settings
from svc_miniapps.worker import make_worker


def test_the_worker_publishes_every_event_of_the_service(settings: Settings) -> None:
    announced: set[type[Event]] = set(events_of("miniapps"))
    assert set(make_worker(settings).publishes) == announced

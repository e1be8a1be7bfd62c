from svc_services.providers.deliveries import models, schemas
from svc_services.providers.deliveries.models import WAITING

_DELIVERY = ("provider_id", "kind", "subject_id", "status", "tries", "occurred_at", "repeated_at", "settled_at")
_ATTEMPT = ("number", "began_at", "milliseconds", "status", "fault", "answer")
_ENDPOINT = ("provider_id", "failures", "failing_since", "stalled_at", "probe_at", "paused_at", "paused_by")


def shown(delivery: models.Delivery) -> schemas.Delivery:
    waits = delivery.status in WAITING
    return schemas.Delivery(
        delivery_id=delivery.id,
        try_at=delivery.try_at if waits else None,
        give_up_at=delivery.give_up_at if waits else None,
        **{name: getattr(delivery, name) for name in _DELIVERY},
    )


def attempt(tried: models.DeliveryAttempt) -> schemas.DeliveryAttempt:
    return schemas.DeliveryAttempt(**{name: getattr(tried, name) for name in _ATTEMPT})


def endpoint(fares: models.DeliveryEndpoint) -> schemas.DeliveryEndpoint:
    return schemas.DeliveryEndpoint(**{name: getattr(fares, name) for name in _ENDPOINT})

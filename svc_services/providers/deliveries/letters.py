"""What a delivery says: what happened to what, with ids; the company reads the rest of it with its own token."""

import json
from datetime import UTC

from svc_services.providers.deliveries.models import Delivery


def letter(delivery: Delivery) -> bytes:
    """The body of a delivery; byte for byte the same at every try."""
    content = {
        "provider_id": str(delivery.provider_id),
        "delivery_id": str(delivery.id),
        "kind": str(delivery.kind),
        "subject_id": str(delivery.subject_id),
        "occurred_at": delivery.occurred_at.astimezone(UTC).isoformat(),
        "details": delivery.details,
    }
    return json.dumps(content, ensure_ascii=False).encode()

"""How many requests are late, for the alert `CorrectionsLate`."""

from prometheus_client import Gauge
from sqlalchemy import func, select

from chassis.db import Database
from kit.calendar import today_of
from svc_identity.privacy.corrections.models import Correction, CorrectionStatus

LATE = Gauge("myili_corrections_late", "Requests for a correction past the last day for their answer", ["division"])


async def measure_late(database: Database) -> None:
    """Update the gauge; a division without a late request has no series."""
    async with database.read() as tx:
        late = Correction.status == CorrectionStatus.OPEN, Correction.due_on < await today_of(tx)
        counted = select(Correction.division_code, func.count()).where(*late).group_by(Correction.division_code)
        found = (await tx.execute(counted)).all()
    LATE.clear()
    for division_code, requests in found:
        LATE.labels(division_code).set(requests)

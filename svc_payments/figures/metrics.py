"""What alerts are made of: measured by the worker, read by Prometheus, explained in docs/operations.md."""

from prometheus_client import Gauge
from sqlalchemy import func, select

from chassis.db import Database
from svc_payments.channels.provider import ChannelName
from svc_payments.figures.overdue import WATCHED
from svc_payments.figures.queries import overdue_by_status, unknown_by_channel
from svc_payments.incidents.models import Incident

PAYMENTS_UNKNOWN = Gauge("myili_payments_unknown", "Payments of which the channel says nothing", ["channel"])
PAYMENTS_OVERDUE = Gauge("myili_payments_overdue", "Payments past the deadline of their state", ["status"])
INCIDENTS_OPEN = Gauge("myili_payments_incidents_open", "Findings that nobody has dealt with yet")


async def measure(database: Database) -> None:
    """Bring the gauges up to date."""
    async with database.read() as tx:
        unknown = await unknown_by_channel(tx)
        overdue = await overdue_by_status(tx)
        incidents = (await tx.scalars(select(func.count()).where(Incident.resolved_at.is_(None)))).one()
    # Those without any are set too: a gauge that is not set keeps its last figure.
    for channel in ChannelName:
        PAYMENTS_UNKNOWN.labels(channel).set(unknown.get(channel, 0))
    for status in WATCHED:
        PAYMENTS_OVERDUE.labels(status).set(overdue.get(status, 0))
    INCIDENTS_OPEN.set(incidents)

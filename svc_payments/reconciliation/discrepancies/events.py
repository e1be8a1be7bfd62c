from datetime import date
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event
from kit.invariants import InvariantBrokenError
from svc_payments.reconciliation.discrepancies.models import Discrepancy


class DiscrepancyEvent(Event):
    """The fields of every discrepancy event."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "case_id"

    case_id: UUID
    source: str
    """channel or provider: whose statement differs from the ledger."""
    party: str
    """The channel's name or the provider's id."""
    day: date
    result: str
    """excess, shortage, amount_differs or state_differs; expect further values within v1."""
    difference_fen: int
    """Statement less ledger."""


class DiscrepancyOpened(DiscrepancyEvent):
    """A discrepancy was found."""

    event_type: ClassVar[str] = "cn.ili.payments.case.opened.v1"


class DiscrepancyClosed(DiscrepancyEvent):
    """The discrepancy was resolved, settled or written off."""

    event_type: ClassVar[str] = "cn.ili.payments.case.closed.v1"

    resolution: str
    """resolved, settled or written_off; expect further values within v1."""


DISCREPANCY_EVENTS: list[type[DiscrepancyEvent]] = [DiscrepancyOpened, DiscrepancyClosed]


def opened(case: Discrepancy) -> DiscrepancyOpened:
    return DiscrepancyOpened(
        case_id=case.id,
        source=case.source,
        party=case.holder,
        day=case.day,
        result=case.result,
        difference_fen=case.difference_fen,
    )


def closed(case: Discrepancy) -> DiscrepancyClosed:
    if case.resolution is None:
        raise InvariantBrokenError("a closed case has no resolution")
    return DiscrepancyClosed(
        case_id=case.id,
        source=case.source,
        party=case.holder,
        day=case.day,
        result=case.result,
        difference_fen=case.difference_fen,
        resolution=case.resolution,
    )

from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import ConfigDict

from chassis.outbox import Event


class CutOffAsked(Event):
    """A company is about to cut off supply: svc_payments says what is due now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.arrears_notice.cut_off_asked.v1"
    key_field: ClassVar[str] = "notice_id"

    notice_id: UUID
    check_id: UUID
    """Named in the answer, so that none that was read before is taken for it."""


class ArrearsNoticeMoved(Event):
    """A step of an arrears notice was taken: the people who see the account's bills are told of it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    event_type: ClassVar[str] = "cn.ili.services.arrears_notice.moved.v1"
    key_field: ClassVar[str] = "notice_id"

    notice_id: UUID
    position: int
    """Counts the steps of the notice, beginning with 1; that one is published again once the bills are checked."""
    action: str
    """The step, such as `open` or `announce_cut_off`; expect further values within v1."""
    explanation: str | None
    status: str
    """After the step; `settled`, `reconnected`, `withdrawn`, `refused` are final. Expect further values within v1."""
    provider_id: UUID
    account_number: str
    bill_numbers: list[str]
    """The company's numbers of the bills that are not paid."""
    deadline: date
    cut_off_on: date | None
    reconnect_by: datetime | None
    person_ids: list[UUID]
    """The holder and the people they invited; empty before the bills are checked, or if the account is not bound."""

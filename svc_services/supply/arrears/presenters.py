from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.calendar import today_of
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import UtilityKind
from svc_services.supply.arrears import schemas
from svc_services.supply.arrears.models import ArrearsNotice, ArrearsStep
from svc_services.supply.arrears.steps import earliest_cut_off
from svc_services.supply.rules import RULES

_SAME = ("provider_id", "account_number", "bill_numbers", "amount_fen", "outstanding_fen", "being_paid", "deadline")
_MORE = ("status", "disputed", "cut_off_on", "cut_off_at", "reconnect_by", "reconnected_at", "opened_at", "closed_at")


async def all_shown(tx: AsyncSession, notices: Sequence[ArrearsNotice]) -> list[schemas.ArrearsNotice]:
    """Notices with their steps, as people see them."""
    steps = await _steps(tx, notices)
    fields = [_fields(each, steps[each.id]) for each in notices]
    for each, said in zip(notices, fields, strict=True):
        said["amount_fen"] = min(each.amount_fen, each.checked_fen or 0)
    return [schemas.ArrearsNotice(**said) for said in fields]


async def reported(tx: AsyncSession, provider: Provider, notice: ArrearsNotice) -> schemas.ReportedArrearsNotice:
    """A notice as its company sees it."""
    (shown,) = await all_reported(tx, provider, [notice])
    return shown


async def all_reported(
    tx: AsyncSession, provider: Provider, notices: Sequence[ArrearsNotice]
) -> list[schemas.ReportedArrearsNotice]:
    steps, today, rule = await _steps(tx, notices), await today_of(tx), RULES[UtilityKind(provider.kind)]
    return [
        schemas.ReportedArrearsNotice(
            cut_off_pending=each.cut_off_check is not None,
            unknown_bills=each.unknown_bills,
            earliest_cut_off_on=earliest_cut_off(each, rule, today) if each.outstanding_fen else None,
            **_fields(each, steps[each.id]),
        )
        for each in notices
    ]


async def all_late(
    tx: AsyncSession, notices: Sequence[ArrearsNotice], moment: datetime
) -> list[schemas.LateReconnection]:
    companies = select(Provider.id, Provider.kind).where(Provider.id.in_({each.provider_id for each in notices}))
    kinds: dict[UUID, str] = {row[0]: row[1] for row in await tx.execute(companies)}
    return [
        schemas.LateReconnection(
            notice_id=each.id,
            provider_id=each.provider_id,
            kind=kinds[each.provider_id],
            cut_off_at=each.cut_off_at,
            reconnect_by=each.reconnect_by,
            late_hours=int((moment - each.reconnect_by).total_seconds() // 3600),
        )
        for each in notices
        if each.cut_off_at and each.reconnect_by
    ]


def _fields(notice: ArrearsNotice, steps: list[schemas.ArrearsStep]) -> dict[str, object]:
    same = {name: getattr(notice, name) for name in (*_SAME, *_MORE)}
    return {"notice_id": notice.id, "steps": steps, **same}


async def _steps(tx: AsyncSession, notices: Sequence[ArrearsNotice]) -> dict[UUID, list[schemas.ArrearsStep]]:
    query = select(ArrearsStep).where(ArrearsStep.notice_id.in_([each.id for each in notices]))
    steps: dict[UUID, list[schemas.ArrearsStep]] = defaultdict(list)
    for step in await tx.scalars(query.order_by(ArrearsStep.notice_id, ArrearsStep.position)):
        set_ = {name: step.details.get(name) for name in ("deadline", "cut_off_on", "reconnect_by")}
        same = {name: getattr(step, name) for name in ("action", "by_company", "explanation", "taken_at")}
        steps[step.notice_id].append(schemas.ArrearsStep.model_validate({**same, **set_}))
    return steps

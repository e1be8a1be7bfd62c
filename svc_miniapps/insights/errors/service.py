"""Errors that host apps report: counted by page and code, with limits for each person and each day."""

from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.pagination import Page, PageRequest, page_of
from svc_miniapps.apps.service import get_app
from svc_miniapps.insights.errors import schemas
from svc_miniapps.insights.errors.models import AppError
from svc_miniapps.insights.openings.models import Opening
from svc_miniapps.insights.openings.service import digest_of_today, require_version
from svc_miniapps.reference.divisions.service import require_division

MOST_OF_PERSON = 20
"""Of one person in one version on one day."""
MOST_KINDS = 200
"""Of one app on one day; further ones are counted together."""
_OTHER = ("", "other")


async def report_error(tx: AsyncSession, person_id: UUID, new: schemas.NewAppError) -> schemas.AppErrorReceipt:
    """Count an error, unless the person has reported too many today.

    Raises:
        NotFound: residents do not have this version of the app.
        UnknownDivision
    """
    await require_version(tx, new.app_id, new.version_code)
    await require_division(tx, new.division_code)
    day, digest = await digest_of_today(tx, person_id, new.app_id)
    row = {"day": day, "app_id": new.app_id, "version_code": new.version_code, "digest": digest}
    first = insert(Opening).values(**row, division_code=new.division_code, opens=0, errors=1)
    counted = first.on_conflict_do_update(
        index_elements=list(row), set_={"errors": Opening.errors + 1}, where=Opening.errors < MOST_OF_PERSON
    )
    if (await tx.execute(counted.returning(Opening.errors))).scalar_one_or_none() is None:
        return schemas.AppErrorReceipt(counted=False)
    # One after the other for each app: the number of kinds is looked at before one is added.
    await tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"app errors {new.app_id}", 0))))
    page, code = await _kind(tx, day, new)
    about = {"app_id": new.app_id, "day": day, "version_code": new.version_code, "page": page, "code": code}
    added = insert(AppError).values(id=new_id(), **about, reports=1)
    await tx.execute(added.on_conflict_do_update(index_elements=list(about), set_={"reports": AppError.reports + 1}))
    return schemas.AppErrorReceipt(counted=True)


async def _kind(tx: AsyncSession, day: date, new: schemas.NewAppError) -> tuple[str, str]:
    of_day = AppError.app_id == new.app_id, AppError.day == day
    same = AppError.version_code == new.version_code, AppError.page == new.page, AppError.code == new.code
    if await tx.scalar(select(AppError.id).where(*of_day, *same)):
        return new.page, new.code
    kinds = await tx.scalar(select(func.count()).select_from(AppError).where(*of_day)) or 0
    return (new.page, new.code) if kinds < MOST_KINDS else _OTHER


async def list_errors(tx: AsyncSession, caller: Caller, app_id: UUID, page: PageRequest) -> Page[schemas.AppError]:
    """Those of an app of the caller's team, the newest first.

    Raises:
        NotFound
    """
    app = await get_app(tx, caller, app_id)
    query = select(AppError).where(AppError.app_id == app.id)
    return await page_of(tx, query, page, AppError.id, schemas.AppError.of, newest_first=True)

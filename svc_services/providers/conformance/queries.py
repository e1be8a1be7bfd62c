"""Whether a company has shown that its system does as the contract says."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import now
from chassis.problems import Problem
from svc_services.providers.applications.models import ProviderApplication
from svc_services.providers.conformance.models import ConformanceRun, RunStatus, Sandbox

GOOD_FOR = timedelta(days=30)


class ConformanceNotShown(Problem):
    """No run of the last 30 days, of the sandbox that is named now and since the last correction, has been passed."""

    status, code = 409, "conformance_not_shown"


async def require_passed_run(tx: AsyncSession, application: ProviderApplication) -> ConformanceRun:
    """The newest ended run of an application, if it was passed in the last 30 days and is about what is there now.

    Raises:
        ConformanceNotShown
    """
    ended = ConformanceRun.application_id == application.id, ConformanceRun.ended_at.is_not(None)
    newest = await tx.scalar(select(ConformanceRun).where(*ended).order_by(ConformanceRun.id.desc()).limit(1))
    if newest is None or newest.status != RunStatus.PASSED or _age_of(newest) > GOOD_FOR:
        raise ConformanceNotShown
    sandbox = await tx.get_one(Sandbox, application.id)
    if newest.application_revision != application.revision or newest.created_at < sandbox.named_at:
        raise ConformanceNotShown
    return newest


def _age_of(run: ConformanceRun) -> timedelta:
    return now() - (run.ended_at or run.created_at)

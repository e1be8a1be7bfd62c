"""Carries out requested runs, one after the other."""

from chassis.db import Database
from chassis.problems import Problem
from chassis.telemetry import log
from svc_payments.reconciliation.runs import service
from svc_payments.settings import Settings


async def work_off(database: Database, settings: Settings) -> None:
    """Carry out every requested run; a failure is recorded in the run."""
    while True:
        async with database.read() as tx:
            run_id = await service.next_requested(tx)
        if run_id is None:
            return
        try:
            await service.carry_out(database, settings, run_id)
        except service.RunUnderWay:
            return
        except Problem as failed:
            log.error("reconciliation_failed", run_id=str(run_id), code=failed.code)

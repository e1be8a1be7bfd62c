import sys

from chassis.service import Worker, run_worker
from chassis.settings import load
from svc_payments.accounts.consumers import HANDLERS as ACCOUNT_HANDLERS
from svc_payments.bill_files.events import BillFileIngested
from svc_payments.providers.consumers import HANDLERS as PROVIDER_HANDLERS
from svc_payments.settings import Settings


def make_worker(settings: Settings) -> Worker:
    return Worker(
        settings,
        publishes=[BillFileIngested],
        handles=[*PROVIDER_HANDLERS, *ACCOUNT_HANDLERS],
    )


if __name__ == "__main__":
    run_worker(make_worker(load(Settings)), sys.argv[1:])

from importlib import import_module

from chassis.db import run_migrations
from svc_payments.base import Base

SLICES = "accounts bill_files bills channels incidents ledger payments postings providers receipts"

for slice_name in SLICES.split():
    import_module(f"svc_payments.{slice_name}.models")

run_migrations(Base.metadata)

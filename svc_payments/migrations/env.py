from importlib import import_module

from chassis.db import run_migrations
from svc_payments.base import Base

for slice_name in ("accounts", "bill_files", "bills", "providers"):
    import_module(f"svc_payments.{slice_name}.models")

run_migrations(Base.metadata)

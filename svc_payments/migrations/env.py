from importlib import import_module
from pathlib import Path

from chassis.db import run_migrations
from svc_payments.base import Base

for models in sorted(Path(__file__).parents[1].glob("*/models.py")):
    import_module(f"svc_payments.{models.parent.name}.models")

run_migrations(Base.metadata)

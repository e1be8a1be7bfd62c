from importlib import import_module
from pathlib import Path

from chassis.migrations import run_migrations
from svc_miniapps.base import Base

ROOT = Path(__file__).parents[2]
for models in sorted((ROOT / "svc_miniapps").rglob("models.py")):
    import_module(".".join(models.relative_to(ROOT).with_suffix("").parts))

run_migrations(Base.metadata)

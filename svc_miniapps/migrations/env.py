from importlib import import_module

from chassis.db import run_migrations
from svc_miniapps.base import Base

for slice_name in ("apps", "catalogue", "categories", "divisions", "packages", "releases", "reviews"):
    import_module(f"svc_miniapps.{slice_name}.models")

run_migrations(Base.metadata)

from importlib import import_module

from chassis.db import run_migrations
from svc_identity.base import Base

for slice_name in ("oauth", "organisations", "personal_data", "persons", "proofing", "sign_in"):
    import_module(f"svc_identity.{slice_name}.models")

run_migrations(Base.metadata)

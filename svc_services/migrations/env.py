"""Alembic's entry: the tables of every slice."""

from chassis.db import run_migrations
from svc_services.account_bindings import models as _account_bindings  # noqa: F401 - registers its tables
from svc_services.base import Base
from svc_services.catalogue import models as _catalogue  # noqa: F401 - registers its tables
from svc_services.providers import models as _providers  # noqa: F401 - registers its tables
from svc_services.tariffs import models as _tariffs  # noqa: F401 - registers its tables

run_migrations(Base.metadata)

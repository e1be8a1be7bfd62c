"""The metadata of this service's tables."""

from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata
from kit.audit.models import add_trail
from kit.changed_days import add_changed_days
from kit.ended.models import add_ended_access
from kit.staff.models import add_staff_roles


class Base(DeclarativeBase):
    metadata = service_metadata()


add_trail(Base.metadata)
add_staff_roles(Base.metadata)
add_changed_days(Base.metadata)
add_ended_access(Base.metadata)

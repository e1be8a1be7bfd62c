"""The metadata of this service's tables."""

from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata
from kit.audit.models import add_trail


class Base(DeclarativeBase):
    metadata = service_metadata()


add_trail(Base.metadata)

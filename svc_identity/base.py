from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata
from kit.audit.models import add_trail


class Base(DeclarativeBase):
    """Every table of svc_identity, the chassis tables included."""

    metadata = service_metadata()


add_trail(Base.metadata)

from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata


class Base(DeclarativeBase):
    """Every table of svc_identity, the chassis tables included."""

    metadata = service_metadata()

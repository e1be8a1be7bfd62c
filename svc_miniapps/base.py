"""The metadata of this service's tables."""

from sqlalchemy.orm import DeclarativeBase

from chassis.db import service_metadata


class Base(DeclarativeBase):
    metadata = service_metadata()

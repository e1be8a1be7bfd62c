"""Tables that use the kit as those of services do."""

from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.db import NAMING_CONVENTION
from kit.leases import Leased, Pollable


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class Parcel(Leased, Base):
    __tablename__ = "parcels"

    id: Mapped[int] = mapped_column(primary_key=True)


class Label(Pollable, Base):
    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(primary_key=True)
    parcel_id: Mapped[int] = mapped_column(ForeignKey(Parcel.id))

"""Tables that use the kit as those of services do."""

from sqlalchemy import ForeignKey, MetaData
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.db import NAMING_CONVENTION
from kit.approvals import second_person_check
from kit.ended.models import add_ended_access
from kit.leases import Leased, Pollable
from kit.staff.models import add_staff_roles


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


add_staff_roles(Base.metadata)
add_ended_access(Base.metadata)


class Parcel(Leased, Base):
    __tablename__ = "parcels"

    id: Mapped[int] = mapped_column(primary_key=True)


class Label(Pollable, Base):
    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(primary_key=True)
    parcel_id: Mapped[int] = mapped_column(ForeignKey(Parcel.id))


class Transport(Base):
    __tablename__ = "transports"
    __table_args__ = (second_person_check("released_by", "ordered_by", unless="status <> 'released'"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str]
    ordered_by: Mapped[str]
    released_by: Mapped[str | None]


class Inspection(Base):
    __tablename__ = "inspections"
    __table_args__ = (second_person_check("approved_by", "inspected_by"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    inspected_by: Mapped[str]
    approved_by: Mapped[str | None]

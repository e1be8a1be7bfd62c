"""Reference data: the kinds of public utilities, the GB/T 2260 divisions and their townships."""

from enum import StrEnum

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import one_of
from svc_services.base import Base

PREFECTURE = "654000"


class UtilityKind(StrEnum):
    WATER = "water"
    ELECTRICITY = "electricity"
    GAS = "gas"
    HEATING = "heating"
    TELECOM = "telecom"
    CABLE_TV = "cable_tv"


class UtilityKindEntry(Base):
    """A kind of utility with its names."""

    __tablename__ = "utility_kinds"
    __table_args__ = (one_of("kind", UtilityKind),)

    kind: Mapped[UtilityKind] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)


class Division(Base):
    __tablename__ = "divisions"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    parent: Mapped[str] = mapped_column(Text)
    """The code of the parent division; the prefecture's parent is not in this table."""


class Township(Base):
    """A township or a subdistrict of a division: twelve digits, the first six its division's."""

    __tablename__ = "townships"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"), index=True)

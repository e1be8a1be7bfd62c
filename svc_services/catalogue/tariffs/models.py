"""Published tariffs, dated and versioned. A later date supersedes an earlier one; a future one can be withdrawn."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from svc_services.base import Base
from svc_services.reference.models import UtilityKind


class CustomerClass(StrEnum):
    RESIDENTIAL = "residential"
    COMMERCIAL = "commercial"
    INDUSTRIAL = "industrial"
    AGRICULTURAL = "agricultural"
    SPECIAL = "special"
    """特种行业: car washes, bath houses and the like."""


class Unit(StrEnum):
    CUBIC_METRE = "m3"
    KILOWATT_HOUR = "kWh"
    GIGAJOULE = "GJ"
    SQUARE_METRE = "m2"
    MONTH = "month"


UNITS: dict[UtilityKind, set[Unit]] = {
    UtilityKind.WATER: {Unit.CUBIC_METRE},
    UtilityKind.ELECTRICITY: {Unit.KILOWATT_HOUR},
    UtilityKind.GAS: {Unit.CUBIC_METRE},
    UtilityKind.HEATING: {Unit.GIGAJOULE, Unit.SQUARE_METRE},
    UtilityKind.TELECOM: {Unit.MONTH},
    UtilityKind.CABLE_TV: {Unit.MONTH},
}


class Tariff(Base):
    """One version of a provider's tariff for a customer class and a unit, in force until the next version."""

    __tablename__ = "tariffs"
    __table_args__ = (
        one_of("customer_class", CustomerClass),
        one_of("unit", Unit),
        CheckConstraint("fixed_fee_fen >= 0", name="fixed_fee"),
        Index(
            "uq_tariffs_date",
            *("provider_id", "customer_class", "unit", "effective_from"),
            unique=True,
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
        UniqueConstraint("provider_id", "customer_class", "unit", "version", name="uq_tariffs_version"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"))
    kind: Mapped[UtilityKind] = mapped_column(Text, ForeignKey("utility_kinds.kind"))
    customer_class: Mapped[CustomerClass] = mapped_column(Text)
    unit: Mapped[Unit] = mapped_column(Text)
    version: Mapped[int]
    """Counts the publications for a provider, class and unit."""
    effective_from: Mapped[date]
    fixed_fee_fen: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Set before its day: it never was and never will be in force."""
    replaced_by: Mapped[UUID | None] = mapped_column(ForeignKey("tariffs.id"))

    tiers: Mapped[list["TariffTier"]] = relationship(order_by="TariffTier.position", lazy="selectin")


class TariffTier(Base):
    """The price of the usage between the previous tier and `up_to`."""

    __tablename__ = "tariff_tiers"
    __table_args__ = (
        CheckConstraint("unit_price_e4 >= 0", name="unit_price"),
        CheckConstraint("up_to_e3 > 0", name="up_to"),
    )

    tariff_id: Mapped[UUID] = mapped_column(ForeignKey("tariffs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    up_to_e3: Mapped[int | None] = mapped_column(BigInteger)
    """Thousandths of the unit; None: the tier has no end."""
    unit_price_e4: Mapped[int] = mapped_column(BigInteger)
    """Ten-thousandths of a yuan per unit."""

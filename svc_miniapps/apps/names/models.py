from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from svc_miniapps.base import Base


class AppName(Base):
    """A name that an app has in a division's catalogue, as it is compared.

    An app of the prefecture has a row for every division, since every catalogue shows it: the primary key then keeps
    two apps that one resident sees from reading the same.
    """

    __tablename__ = "app_names"

    division_code: Mapped[str] = mapped_column(Text, ForeignKey("divisions.code"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    """Of `fields.key_of`; one of before it was strict keeps its id behind it where two apps share it."""
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"), index=True)

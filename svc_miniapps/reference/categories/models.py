from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from svc_miniapps.base import Base


class Category(Base):
    """One of the seven kinds of mini-app; starter data, never written by a request."""

    __tablename__ = "categories"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    # Text, because reference data is loaded from CSV as it stands; single digits sort as they should.
    position: Mapped[str] = mapped_column(Text, unique=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from svc_miniapps.base import Base

PREFECTURE = "654000"
"""伊犁哈萨克自治州 itself (GB/T 2260): its apps are shown in every one of its counties and cities."""


class Division(Base):
    """A county or city, or the prefecture; starter data, never written by a request."""

    __tablename__ = "divisions"

    code: Mapped[str] = mapped_column(Text, primary_key=True)
    name_zh: Mapped[str] = mapped_column(Text)
    name_en: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    parent: Mapped[str] = mapped_column(Text)

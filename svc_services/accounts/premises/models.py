"""Where the supply of bound accounts is, as their providers say: down to the building."""

import csv
import re
import unicodedata
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, now
from svc_services.base import Base

_DIVISIONS = Path(__file__).parents[3] / "contracts" / "reference_data" / "divisions.csv"
_NAMES = [row["name_zh"] for row in csv.DictReader(_DIVISIONS.read_text(encoding="utf-8").splitlines())]
_WIDER = re.compile(rf"\A(?:新疆(?:维吾尔自治区)?)?(?:伊犁(?:哈萨克自治)?州)?(?:{'|'.join(map(re.escape, _NAMES))})?")
_SEPARATORS = re.compile(r"[\s,，、;；。.·]+")


class AccountPremises(Base):
    """Kept while somebody has the account bound; outages are matched with it."""

    __tablename__ = "account_premises"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("providers.id"), primary_key=True)
    account_number: Mapped[str] = mapped_column(Text, primary_key=True)
    division_code: Mapped[str] = mapped_column(ForeignKey("divisions.code"))
    address: Mapped[str] = mapped_column(Text)
    """As `comparable` has it."""
    reported_at: Mapped[datetime] = mapped_column(Timestamp, default=now)


def comparable(address: str) -> str:
    """An address as it is compared: half width, lower case, without separators and the names of region and division."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", address)).casefold()
    return _WIDER.sub("", plain, count=1) or plain

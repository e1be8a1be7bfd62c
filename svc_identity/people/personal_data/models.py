from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id, now, one_of
from svc_identity.base import Base


class Purpose(StrEnum):
    """Why personal data was read."""

    OWN_PROFILE = "own_profile"
    USER_INFO = "user_info"
    ATTESTATION = "attestation"
    MEMBER_LIST = "member_list"
    IDENTITY_CLAIM = "identity_claim"
    VERIFICATION = "verification"
    CORRECTION = "correction"


class PersonalDataRead(Base):
    """One read of decrypted personal data. Written by the transaction that reads."""

    __tablename__ = "personal_data_reads"
    __table_args__ = (
        one_of("purpose", Purpose),
        Index("ix_personal_data_reads_person_id_id", "person_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("persons.id"))
    reader: Mapped[str] = mapped_column(Text)
    fields: Mapped[list[str]] = mapped_column(ARRAY(Text))
    purpose: Mapped[Purpose] = mapped_column(Text)
    read_at: Mapped[datetime] = mapped_column(Timestamp, default=now)

from uuid import UUID

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from svc_payments.base import Base


class MiniApp(Base):
    """The name of a mini-app that has a client, as its residents read it."""

    __tablename__ = "mini_apps"

    app_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    revision: Mapped[int]
    """Of its client; an older event that comes late changes nothing."""

"""The columns of a slice's two tables: its uploads, and the bytes of them that are here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from chassis.db import Timestamp, new_id


class Upload:
    """A file being uploaded. The service's class adds its owner and its statuses."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    sha256: Mapped[str | None] = mapped_column(Text)
    """What the bytes as they are sent should come to, in hexadecimal, when the client said it."""
    length: Mapped[int | None] = mapped_column(BigInteger)
    """Of all of it; None while the client has not said it."""
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    parts: Mapped[int] = mapped_column(default=0)
    appender: Mapped[UUID | None]
    """The request that may append; one that comes later takes its place."""
    touched_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    """When bytes came last, or the file was last worked on."""

    @property
    def is_receiving(self) -> bool:
        """More of it may come."""
        raise NotImplementedError

    def close(self) -> None:
        """All of it is here: no more may come."""
        raise NotImplementedError


class Part:
    """Bytes of an upload, from one place on; all parts follow each other without gaps.

    The slice's class makes `upload_id` a foreign key to its uploads, so that bytes go with the upload they are of.
    """

    upload_id: Mapped[UUID] = mapped_column(primary_key=True)
    begins_at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


U = TypeVar("U", bound=Upload)


@dataclass(frozen=True)
class Tables(Generic[U]):
    """Where a slice keeps its uploads, and how large one may become."""

    uploads: type[U]
    parts: type[Part]
    most_bytes: int

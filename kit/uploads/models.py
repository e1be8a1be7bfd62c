"""The columns of the two tables that a service has: its uploads, and their bytes."""

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
    """The digest of the bytes as sent, in hexadecimal, if the client announced it."""
    length: Mapped[int | None] = mapped_column(BigInteger)
    """The total length; None until the client has announced it."""
    received: Mapped[int] = mapped_column(BigInteger, default=0)
    parts: Mapped[int] = mapped_column(default=0)
    appender: Mapped[UUID | None]
    """The request that may append; a later one replaces it."""
    touched_at: Mapped[datetime] = mapped_column(Timestamp, server_default=func.now())
    """When bytes last arrived, or the file was last worked on."""

    @property
    def is_receiving(self) -> bool:
        """More bytes may arrive."""
        raise NotImplementedError

    def close(self) -> None:
        """The upload is complete: no more bytes are accepted."""
        raise NotImplementedError


class Part:
    """Bytes of an upload from an offset; its parts are contiguous.

    The slice's class makes `upload_id` a foreign key to its uploads, so that bytes go with the upload they are of.
    """

    upload_id: Mapped[UUID] = mapped_column(primary_key=True)
    begins_at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


U = TypeVar("U", bound=Upload)


@dataclass(frozen=True)
class Tables(Generic[U]):
    """The tables of a service's uploads, and their size limit."""

    uploads: type[U]
    parts: type[Part]
    most_bytes: int

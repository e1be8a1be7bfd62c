"""What a service item says: on what it rests, who may apply with what, how long it takes, what it costs, and where."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from kit.fields.labels import Label, Note

Document = Annotated[Line, Field(max_length=100)]
Days = Annotated[int, Field(strict=True, ge=1, le=250)]
_MOST_FEN = 100_000_000


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NeededMaterial(_Part):
    name: Label
    note: Note | None = None
    required: bool = Field(default=True, strict=True)
    copies: int = Field(default=1, strict=True, ge=0, le=10)
    """Copies on paper at a counter; 0: it is only shown."""


class Fee(_Part):
    name: Label
    amount_fen: int | None = Field(strict=True, ge=0, le=_MOST_FEN)
    """null: it is quoted after the survey."""
    basis_document: Document


class OnlineChannel(_Part):
    type: Literal["online"]


class CounterChannel(_Part):
    type: Literal["counter"]
    name: Label
    address: Note
    hours: Note
    """When it is open."""


Channel = Annotated[OnlineChannel | CounterChannel, Field(discriminator="type")]


class ItemContent(_Part):
    name: Label
    basis: tuple[Document, ...] = Field(min_length=1, max_length=10)
    """The numbers of the documents on which it rests."""
    conditions: tuple[Note, ...] = Field(default=(), max_length=20)
    materials: tuple[NeededMaterial, ...] = Field(default=(), max_length=30)
    legal_days: Days
    """Working days that the documents allow."""
    promised_days: Days
    """Working days that are promised; not more than the legal ones, nor fewer than the workflow takes."""
    fees: tuple[Fee, ...] = Field(default=(), max_length=20)
    """None: it is free."""
    channels: tuple[Channel, ...] = Field(min_length=1, max_length=30)

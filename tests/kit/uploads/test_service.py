"""Uploads that resume after an interruption, with tables of the tests."""

import base64
import hashlib
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import URL, ForeignKey, MetaData
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from chassis.db import NAMING_CONVENTION, Database, new_id
from chassis.problems import ContentTooLarge, UnsupportedMediaType
from kit.uploads import parts, service
from kit.uploads.headers import PARTIAL, state_of
from kit.uploads.models import Part, Tables, Upload
from kit.uploads.refusals import (
    BadHeader,
    BodyTruncated,
    DigestMismatch,
    UploadInPieces,
    UploadLengthMismatch,
    UploadOffsetMismatch,
)
from tests.databases import fresh_database, made_of

CONTENT = b"0123456789" * 5


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING_CONVENTION)


class SampleUpload(Upload, Base):
    __tablename__ = "sample_uploads"

    closed: Mapped[bool] = mapped_column(default=False)

    @property
    def is_receiving(self) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True


class SamplePart(Part, Base):
    __tablename__ = "sample_upload_parts"

    upload_id: Mapped[UUID] = mapped_column(ForeignKey(SampleUpload.id, ondelete="CASCADE"), primary_key=True)


TABLES = Tables(SampleUpload, SamplePart, most_bytes=100)


@pytest_asyncio.fixture(scope="session")
async def template(postgres_url: str) -> URL:
    return await made_of(Base.metadata, postgres_url)


database = fresh_database()


class Uploading:
    """A client that sends a file in pieces, without HTTP between."""

    def __init__(self, database: Database) -> None:
        self._database, self.id = database, new_id()

    async def begin(self, *pieces: bytes, length: int | None = None, **headers: str) -> None:
        upload = SampleUpload(id=self.id, length=length, appender=new_id())
        async with self._database.transaction() as tx:
            tx.add(upload)
        await service.begin(self._database, TABLES, upload, dashed(headers), each_of(pieces))

    async def append(self, *pieces: bytes, offset: int, complete: bool = False, **headers: str) -> bool:
        request_headers = {
            "content-type": PARTIAL,
            "upload-offset": f"{offset}",
            "upload-complete": "?1" if complete else "?0",
            **dashed(headers),
        }
        return await service.append(self._database, TABLES, self.found, request_headers, each_of(pieces))

    async def found(self, tx: AsyncSession) -> SampleUpload:
        return await parts.locked(tx, TABLES, self.id)

    async def state(self) -> tuple[int, bool, bytes]:
        async with self._database.transaction() as tx:
            upload = await self.found(tx)
            content = b"".join([piece async for piece in parts.content_of(tx, TABLES, self.id)])
        return upload.received, upload.is_receiving, content


@pytest.fixture
def uploading(database: Database) -> Uploading:
    return Uploading(database)


async def each_of(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def cut_after(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    raise BodyTruncated


def dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


async def test_a_file_comes_in_pieces_and_is_whole(uploading: Uploading) -> None:
    await uploading.begin(CONTENT[:7], content_digest=digest(CONTENT[:7]))
    assert not await uploading.append(CONTENT[7:20], CONTENT[20:30], offset=7)
    assert await uploading.append(CONTENT[30:], offset=30, complete=True, content_digest=digest(CONTENT[30:]))
    assert await uploading.state() == (len(CONTENT), False, CONTENT)


async def test_the_last_request_may_be_repeated_but_adds_nothing(uploading: Uploading) -> None:
    await uploading.begin()
    assert await uploading.append(CONTENT, offset=0, complete=True)
    assert await uploading.append(offset=len(CONTENT), complete=True)
    with pytest.raises(UploadLengthMismatch):
        await uploading.append(b"more", offset=len(CONTENT), complete=True)
    assert await uploading.state() == (len(CONTENT), False, CONTENT)


async def test_what_came_before_a_cut_is_kept(uploading: Uploading, database: Database) -> None:
    await uploading.begin()
    headers = {"content-type": PARTIAL, "upload-offset": "0", "upload-complete": "?1"}
    with pytest.raises(BodyTruncated):
        await service.append(database, TABLES, uploading.found, headers, cut_after(CONTENT[:9], CONTENT[9:12]))
    assert await uploading.state() == (12, True, CONTENT[:12])
    assert await uploading.append(CONTENT[12:], offset=12, complete=True)


async def test_bytes_that_were_changed_on_their_way_are_not_kept(uploading: Uploading) -> None:
    await uploading.begin(CONTENT[:5])
    with pytest.raises(DigestMismatch):
        await uploading.append(b"changed", offset=5, content_digest=digest(CONTENT[5:12]))
    assert await uploading.state() == (5, True, CONTENT[:5])


async def test_a_later_request_takes_over(uploading: Uploading, database: Database) -> None:
    await uploading.begin()

    async def slowly() -> AsyncIterator[bytes]:
        yield CONTENT[:5]
        await uploading.append(CONTENT[:3], offset=0)
        yield CONTENT[5:9]

    headers = {"content-type": PARTIAL, "upload-offset": "0", "upload-complete": "?0"}
    with pytest.raises(UploadOffsetMismatch) as refused:
        await service.append(database, TABLES, uploading.found, headers, slowly())
    assert refused.value.headers == {"Upload-Offset": "3", "Upload-Complete": "?0"}
    assert await uploading.state() == (3, True, CONTENT[:3])


@pytest.mark.parametrize("offset", [0, 4, 6])
async def test_bytes_go_on_where_the_upload_ends_or_not_at_all(uploading: Uploading, offset: int) -> None:
    await uploading.begin(CONTENT[:5])
    with pytest.raises(UploadOffsetMismatch):
        await uploading.append(CONTENT[5:], offset=offset)
    assert (await uploading.state())[0] == 5


@pytest.mark.parametrize(
    "headers", [{"upload_length": "49"}, {"upload_length": "3"}, {"content_length": "44"}, {"content_length": "46"}]
)
async def test_every_request_agrees_on_the_length(uploading: Uploading, headers: dict[str, str]) -> None:
    await uploading.begin(CONTENT[:5], length=len(CONTENT))
    with pytest.raises(UploadLengthMismatch):
        await uploading.append(CONTENT[5:], offset=5, complete=True, **headers)
    assert (await uploading.state())[:2] == (5, True)


async def test_the_last_byte_is_there_when_the_last_request_says_so(uploading: Uploading) -> None:
    await uploading.begin(length=len(CONTENT))
    with pytest.raises(UploadLengthMismatch):
        await uploading.append(CONTENT[:-1], offset=0, complete=True)
    assert (await uploading.state())[1]


async def test_an_upload_has_a_limit(uploading: Uploading) -> None:
    await uploading.begin(CONTENT)
    with pytest.raises(ContentTooLarge):
        await uploading.append(CONTENT, b"1", offset=50)
    with pytest.raises(ContentTooLarge):
        service.length_in({"upload-length": "101"}, TABLES.most_bytes)
    assert service.length_in({"upload-length": "100"}, TABLES.most_bytes) == 100


async def test_an_upload_of_too_many_pieces_ends(uploading: Uploading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 2)
    await uploading.begin(b"1")
    await uploading.append(b"2", offset=1)
    with pytest.raises(UploadInPieces):
        await uploading.append(b"3", offset=2)


async def test_content_is_forgotten_and_the_upload_is_known(uploading: Uploading, database: Database) -> None:
    await uploading.begin(CONTENT)
    async with database.transaction() as tx:
        await parts.forget_content(tx, TABLES, uploading.id)
    assert await uploading.state() == (len(CONTENT), True, b"")


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"content_type": "text/csv"}, UnsupportedMediaType),
        ({"upload_offset": "-1"}, BadHeader),
        ({"upload_complete": "true"}, BadHeader),
        ({"content_digest": "sha-256=:AAAA:"}, BadHeader),
    ],
)
async def test_a_request_says_what_it_is(
    uploading: Uploading, headers: dict[str, str], refusal: type[Exception]
) -> None:
    await uploading.begin()
    with pytest.raises(refusal):
        await uploading.append(CONTENT, offset=0, complete=False, **headers)
    assert (await uploading.state())[0] == 0


def test_the_state_says_where_to_go_on_and_for_how_long() -> None:
    upload = SampleUpload(received=5, length=50, closed=False)
    assert state_of(upload, 100, seconds_left=-3) == {
        "Upload-Offset": "5",
        "Upload-Complete": "?0",
        "Upload-Length": "50",
        "Upload-Limit": "max-size=100, max-append-size=100, max-age=0",
        "Cache-Control": "no-store",
    }
    upload.close()
    assert state_of(upload, 100, seconds_left=7)["Upload-Complete"] == "?1"

"""Receiving a body: complete, within the limits, and decoded as its label says."""

import codecs
import gzip
import hashlib
import os
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from fastapi import Request
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from chassis.problems import ContentTooLarge, Problem, UnsupportedMediaType
from kit.files.refusals import (
    GzipBroken,
    NulCharacter,
    UndecodableBytes,
    UnsupportedContentEncoding,
    WrongCharset,
)
from kit.uploads.bodies import whole_body
from kit.uploads.refusals import BodyTruncated
from svc_payments.billing.files import reception
from svc_payments.billing.files.models import Encoding
from svc_payments.billing.files.reception import Announced, Upload
from svc_payments.billing.files.refusals import EmptyFile

# Characters of one, two and four bytes in GB18030, and of one to four in UTF-8.
SAMPLE = "bill_number,１２３，伊犁河谷,ئىلى,Іле,㐀𠮷,end\r\nnext\rlast\n"
AS_READ = SAMPLE.replace("\r\n", "\n").replace("\r", "\n")


def request_with(pieces: Sequence[bytes], headers: dict[str, str], *, cut: bool = False) -> Request:
    """A request whose body arrives in these pieces; with `cut` the connection then ends."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    last: Message = {"type": "http.disconnect"} if cut else {"type": "http.request", "body": b"", "more_body": False}
    arriving = iter([*messages, last])

    async def receive() -> Message:
        return next(arriving)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "PUT", "headers": raw}, receive)


def received(request: Request) -> AbstractAsyncContextManager[Upload]:
    return reception.received(Announced.by(request.headers), whole_body(request))


async def text_of(pieces: Sequence[bytes], content_type: str = "text/csv", **headers: str) -> tuple[str, Encoding]:
    async with received(request_with(pieces, {"content_type": content_type, **headers})) as upload:
        assert upload.sha256 == hashlib.sha256(b"".join(pieces)).hexdigest() or "content_encoding" in headers
        return upload.text.read(), upload.encoding


def in_pieces(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize(
    ("content_type", "codec", "bom", "encoding"),
    [
        ("text/csv", "utf-8", b"", Encoding.UTF_8),
        ("text/csv; charset=utf-8", "utf-8", b"", Encoding.UTF_8),
        ("text/csv; charset=UTF8", "utf-8", codecs.BOM_UTF8, Encoding.UTF_8_SIG),
        ("text/csv", "utf-8", codecs.BOM_UTF8, Encoding.UTF_8_SIG),
        ('TEXT/CSV; header=present; charset="GB18030"', "gb18030", b"", Encoding.GB18030),
        ("text/csv; charset=gbk", "gb18030", b"", Encoding.GB18030),
        ("text/csv", "gb18030", b"\x84\x31\x95\x33", Encoding.GB18030),
        ("text/csv; charset=gb2312", "gb18030", b"\x84\x31\x95\x33", Encoding.GB18030),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
async def test_text_does_not_depend_on_how_its_bytes_are_divided(
    content_type: str, codec: str, bom: bytes, encoding: Encoding, size: int
) -> None:
    content = bom + SAMPLE.encode(codec)
    assert await text_of(in_pieces(content, size), content_type) == (AS_READ, encoding)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), min_size=1), st.data()
)
async def test_any_text_survives_any_division(text: str, data: st.DataObject) -> None:
    charset = data.draw(st.sampled_from(["utf-8", "gb18030"]))
    content = "漢１".encode(charset) + text.encode(charset)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(content)), max_size=6)))
    pieces = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert (await text_of(pieces, f"text/csv; charset={charset}"))[0] == "漢１" + text


@given(st.binary(max_size=300), st.sampled_from(["utf-8", "gb18030"]), st.integers(1, 50))
async def test_any_bytes_are_text_or_refused(content: bytes, charset: str, size: int) -> None:
    try:
        text, _ = await text_of(in_pieces(content, size), f"text/csv; charset={charset}")
    except Problem as refusal:
        assert refusal.status in {415, 422}  # noqa: PT017 - either outcome is right, and both are checked
        return
    assert text.encode().decode() == text


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 1000])
@pytest.mark.parametrize(
    ("content", "charset", "byte"),
    [
        (b"number,\xff,1", "utf-8", 7),
        ("账单,".encode() + b"\xd5\xcb", "utf-8", 7),
        (codecs.BOM_UTF8 + b"ab\xc0\x80", "utf-8", 5),
        ("伊犁,".encode("gb18030") + b"\xff", "gb18030", 5),
        (b"abcd" + b"\x81\x30\x81", "gb18030", 4),
        ("账单".encode()[:-1] + b"", "utf-8", 3),
    ],
)
async def test_undecodable_bytes_are_refused_with_their_place(
    content: bytes, charset: str, byte: int, size: int
) -> None:
    with pytest.raises(UndecodableBytes) as refusal:
        await text_of(in_pieces(content, size), f"text/csv; charset={charset}")
    assert refusal.value.values["byte"] == byte


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_a_nul_character_is_refused_with_its_place(size: int) -> None:
    with pytest.raises(NulCharacter) as refusal:
        await text_of(in_pieces(codecs.BOM_UTF8 + b"ab\0cd", size))
    assert refusal.value.values == {"byte": 5}


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (codecs.BOM_UTF16_LE + "a".encode("utf-16-le"), "text/csv"),
        (codecs.BOM_UTF16_BE + "a".encode("utf-16-be"), "text/csv; charset=utf-8"),
        (codecs.BOM_UTF8 + b"abc", "text/csv; charset=gb18030"),
        (b"\x84\x31\x95\x33abc", "text/csv; charset=utf-8"),
        ("户号１２".encode(), "text/csv; charset=gb18030"),
        ("Іле,١,𠮷".encode(), "text/csv; charset=gb18030"),
    ],
)
async def test_a_label_that_the_bytes_contradict_is_refused(content: bytes, content_type: str) -> None:
    with pytest.raises(WrongCharset):
        await text_of([content], content_type)


@pytest.mark.parametrize("size", [1, 1000])
async def test_gb18030_that_is_also_valid_utf_8_is_read(size: int) -> None:
    content = "W-1,盲,1".encode("gb18030")
    assert content.decode("utf-8") == "W-1,ä,1"
    assert await text_of(in_pieces(content, size), "text/csv; charset=gb18030") == ("W-1,盲,1", Encoding.GB18030)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "text/plain",
        "text/csv; charset=latin-1",
        "text/csv; charset=utf-16",
        "multipart/form-data",
    ],
)
async def test_other_media_types_and_charsets_are_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        await text_of([b"abc"], content_type)


async def test_an_empty_body_is_an_empty_file() -> None:
    with pytest.raises(EmptyFile):
        await text_of([])


@pytest.mark.parametrize("content", [b"a", b"abc"])
async def test_a_file_shorter_than_a_byte_order_mark_is_read(content: bytes) -> None:
    assert (await text_of([content]))[0] == content.decode()


async def test_a_body_shorter_than_announced_is_refused() -> None:
    with pytest.raises(BodyTruncated):
        await text_of([b"abc"], content_length="4")


async def test_a_cut_connection_is_a_truncated_body() -> None:
    request = request_with([b"abc"], {"content_type": "text/csv"}, cut=True)
    with pytest.raises(BodyTruncated):
        async with received(request):
            pytest.fail("a cut file was taken for a whole one")


@pytest.mark.parametrize("size", [7, 1_000, 1_000_000])
async def test_gzip_does_not_depend_on_how_its_bytes_are_divided(size: int) -> None:
    content = SAMPLE.encode("gb18030") * 20_000
    pieces = in_pieces(gzip.compress(content), size)
    headers = {"content_type": "text/csv; charset=gb18030", "content_encoding": "gzip"}
    request = request_with(pieces, headers)
    async with received(request) as upload:
        assert upload.sha256 == hashlib.sha256(content).hexdigest()
        assert upload.text.read() == AS_READ * 20_000


async def test_concatenated_gzip_members_are_one_file() -> None:
    joined = gzip.compress(b"first\n") + gzip.compress(b"second\n")
    for size in (1, 1000):
        assert (await text_of(in_pieces(joined, size), content_encoding="gzip"))[0] == "first\nsecond\n"


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"abc" * 999, mtime=0)[:-1],
        gzip.compress(b"abc", mtime=0)[:5],
        b"abc",
        gzip.compress(b"abc", mtime=0) + b"trailing garbage",
        b"",
    ],
)
async def test_truncated_or_damaged_gzip_is_refused(content: bytes) -> None:
    with pytest.raises(GzipBroken):
        await text_of([content] if content else [], content_encoding="gzip")


async def test_a_gzip_bomb_is_stopped_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "LARGEST_FILE", 1024 * 1024)
    steps: list[int] = []
    write = reception._Spool.write  # noqa: SLF001 - what reaches the disk is what is measured

    def counted(spool: reception._Spool, piece: bytes) -> None:
        steps.append(len(piece))
        write(spool, piece)

    monkeypatch.setattr(reception._Spool, "write", counted)  # noqa: SLF001 - as above
    bomb = gzip.compress(b"0" * 100 * 1024 * 1024)
    with pytest.raises(ContentTooLarge):
        await text_of([bomb], content_encoding="gzip")
    assert sum(steps) <= 1024 * 1024


@pytest.mark.parametrize("content_encoding", ["br", "zstd", "gzip, gzip", "deflate"])
async def test_other_content_encodings_are_refused(content_encoding: str) -> None:
    with pytest.raises(UnsupportedContentEncoding):
        await text_of([b"abc"], content_encoding=content_encoding)


async def test_random_bytes_under_a_gzip_label_are_refused() -> None:
    with pytest.raises(GzipBroken):
        await text_of([os.urandom(100_000)], content_encoding="gzip")

"""Texts decoded as their label and their mark say, and what is no text named as what it is."""

import gzip
import io
import zipfile

import pytest

from chassis.problems import UnsupportedMediaType
from kit.files.refusals import UnsupportedContentEncoding, WrongCharset, WrongFileKind
from kit.files.texts import GB18030, UTF_8, Label, decoded, label_of


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo("a.csv"), "1")  # not of now: all workers must name the tests alike
    return archive.getvalue()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (gzip.compress(b"1", mtime=0), "gzip"),
        (zipped(), "ZIP"),
        (b"PK\x05\x06" + bytes(18), "ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "XLS"),
        (b"Rar!\x1a\x07\x01\x00", "RAR"),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "7z"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xfd7zXZ\x00\x00\x04", "XZ"),
        (b"\x28\xb5\x2f\xfd\x04\x00", "Zstandard"),
    ],
)
@pytest.mark.parametrize("label", [None, UTF_8, GB18030])
def test_what_is_no_text_is_named(content: bytes, kind: str, label: str | None, size: int) -> None:
    with pytest.raises(WrongFileKind) as refused:
        list(decoded((content[at : at + size] for at in range(0, len(content), size)), label))
    assert refused.value.values == {"kind": kind}


@pytest.mark.parametrize("content", [b"", b"7z", b"PK,1", b"%PDF", b"Rar!", "(号".encode(), b"a"])
def test_what_only_begins_like_one_is_text(content: bytes) -> None:
    assert "".join(decoded([content], None)) == content.decode()


@pytest.mark.parametrize(
    ("content", "label", "default"),
    [
        ("户号１２".encode(), GB18030, UTF_8),
        ("户号１２".encode(), None, GB18030),
        ("户号".encode("utf-8-sig"), GB18030, UTF_8),
        ("户号".encode("utf-16"), None, UTF_8),
        ("户号".encode("utf-32"), GB18030, UTF_8),
    ],
)
def test_bytes_in_another_encoding_are_refused(content: bytes, label: str | None, default: str) -> None:
    with pytest.raises(WrongCharset):
        list(decoded([content], label, default))


@pytest.mark.parametrize(
    ("headers", "label"),
    [
        ({}, Label("", None, gzipped=False)),
        ({"content-type": "text/csv"}, Label("text/csv", None, gzipped=False)),
        ({"content-type": 'TEXT/CSV; header=present; charset="GBK"'}, Label("text/csv", GB18030, gzipped=False)),
        ({"content-type": "application/zip; charset=binary"}, Label("application/zip", None, gzipped=False)),
        ({"content-encoding": "X-GZIP"}, Label("", None, gzipped=True)),
    ],
)
def test_headers_are_read(headers: dict[str, str], label: Label) -> None:
    assert label_of(headers, "text/csv") == label


@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({"content-type": "text/csv; charset=utf-16"}, UnsupportedMediaType),
        ({"content-type": "text/csv; charset="}, UnsupportedMediaType),
        ({"content-encoding": "gzip, gzip"}, UnsupportedContentEncoding),
        ({"content-encoding": "br"}, UnsupportedContentEncoding),
    ],
)
def test_headers_of_what_is_not_read_are_refused(
    headers: dict[str, str], refusal: type[UnsupportedMediaType | UnsupportedContentEncoding]
) -> None:
    with pytest.raises(refusal):
        label_of(headers, "text/csv")

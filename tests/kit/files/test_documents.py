"""A document is told by its bytes from the first to the last, and is nothing else besides."""

import hashlib
import io
import time
import zipfile
import zlib

import pytest
import typst

from chassis.problems import Problem
from kit.files import pdfs
from kit.files.documents import DocumentType, checked
from tests.documents import PNG_SIGNATURE, box, chunk, heic, jpeg, jpegs, packed, pdf, png, segment, stream

SCRIPT = b"<< /S /JavaScript /JS (app.alert(1)) >>"
PACKED = zlib.compress(b"5 0 " + SCRIPT)
DAMAGED = (
    PACKED[:-1] + bytes([PACKED[-1] ^ 1]),  # a wrong checksum
    PACKED[:-4],  # none
    PACKED[:-6],  # not finished
    zlib.compress(b"5 0 " + SCRIPT + hashlib.shake_256(b"filling").digest(4_000))[:2_000]
    + b"\xff" * 500,  # wrong further on
)
"""Readers show what comes before the damage."""


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("index.html", "hello")
    return file.getvalue()


def refusal_of(content: bytes) -> str:
    with pytest.raises(Problem) as refused:
        checked(content)
    return refused.value.code


def escaped(name: str) -> bytes:
    return b"/" + "".join(f"#{ord(each):02X}" if at % 2 else each for at, each in enumerate(name)).encode()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pdf(), DocumentType.PDF),
        (pdf(packed(b"5 0 << /Kind /Plain >>")), DocumentType.PDF),
        (pdf(tail=b"\r\n\n"), DocumentType.PDF),
        (jpeg(), DocumentType.JPEG),
        (jpegs(), DocumentType.JPEG),
        (jpegs(3, order="<"), DocumentType.JPEG),
        (heic(), DocumentType.HEIC),
        (heic(8, 8, box(b"free", bytes(9))), DocumentType.HEIC),
        (heic(brand=b"heix"), DocumentType.HEIC),
        (jpeg() + bytes(512), DocumentType.JPEG),
        (png(), DocumentType.PNG),
    ],
    ids=[
        "pdf",
        "pdf with object streams",
        "pdf with line ends",
        "jpeg",
        "two pictures",
        "three",
        "heic",
        "heic with room",
        "heix",
        "padded jpeg",
        "png",
    ],
)
def test_what_people_hand_in_is_known_by_its_bytes(content: bytes, kind: DocumentType) -> None:
    assert checked(content) == kind


def test_a_pdf_of_a_real_program_passes() -> None:
    made = typst.compile(b"#set page(height: 9cm)\n#for n in range(80) [Line #n #linebreak()]")
    assert isinstance(made, bytes)
    assert checked(made) == DocumentType.PDF


@pytest.mark.parametrize(
    "content",
    [
        b"GIF89a/*" + bytes(40) + b"*/=1;alert(1)",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        b"<!doctype html><script>alert(1)</script>",
        archive(),
        b"MZ\x90\0" + bytes(60),
        b"\n%PDF-1.7\n" + pdf(),
        heic(brand=b"avif"),
        heic(brand=b"mif1"),
        heic(brand=b"isom"),
        b"x",
    ],
    ids=["gif", "svg", "html", "zip", "program", "pdf after a line", "avif", "no codec", "film", "byte"],
)
def test_other_files_are_refused_whatever_they_are_called(content: bytes) -> None:
    assert refusal_of(content) == "document_unknown"


@pytest.mark.parametrize(
    "content",
    [jpeg() + jpeg(), jpeg() + jpeg(2, 2), jpegs() + jpeg(), jpegs(shift=2), jpegs()[: -len(jpeg())] + png()],
    ids=["two", "a smaller one", "one more than listed", "listed elsewhere", "another type"],
)
def test_pictures_that_the_first_one_does_not_list_are_refused(content: bytes) -> None:
    assert refusal_of(content) == "document_ambiguous"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (heic(8, 8, box(b"moov", bytes(40))), "document_ambiguous"),
        (heic(8, 8, box(b"mpvd", b"ftypmp42")), "document_ambiguous"),
        (heic(8, 8, box(b"mdat", archive())), "document_ambiguous"),
        (heic(8, 8, box(b"mdat", pdf())), "document_ambiguous"),
        (heic(8, 8, box(b"meta", bytes(4))), "document_damaged"),
        (heic(8, 8, b"\0\0\0\0mdat" + bytes(40)), "document_damaged"),
        (heic(8, 8, b"\0\0\0\1mdat" + b"\xff" * 8), "document_damaged"),
        (heic(8, 8, b"\0\0\0\x07mdat"), "document_damaged"),
        (heic(8, 8) + b"x", "document_damaged"),
        (heic(8, 8, box(b"free") * 20_000), "document_damaged"),
        (heic()[:-1], "document_damaged"),
        (heic()[:40], "document_damaged"),
        (heic(0, 8), "document_damaged"),
        (heic(60_000, 60_000), "document_too_large"),
    ],
)
def test_a_heic_picture_that_is_more_or_less_is_refused(content: bytes, code: str) -> None:
    assert refusal_of(content) == code


@pytest.mark.parametrize("beginning", [pdf(), jpeg(), png()], ids=["pdf", "jpeg", "png"])
@pytest.mark.parametrize(
    "tail",
    [
        archive(),
        b"<html><script>alert(1)</script></html>",
        b"Rar!\x1a\x07\x01\x00" + bytes(20),
        b"7z\xbc\xaf\x27\x1c" + bytes(20),
        b"MZ\x90\0" + bytes(60),
        b"\0\0\0\x18ftypmp42" + bytes(2000),
    ],
    ids=["zip", "html", "rar", "7z", "program", "video"],
)
def test_a_file_after_the_file_is_refused(beginning: bytes, tail: bytes) -> None:
    assert refusal_of(beginning + tail) == "document_ambiguous"


@pytest.mark.parametrize(
    "content",
    [
        pdf(b"<< /Hidden (" + archive() + b") >>"),
        pdf(b"<< /Page (<HTML><ScRiPt>alert(1)</script>) >>"),
        jpeg(8, 8, segment(0xFE, b"<script>alert(1)</script>")),
        jpeg(8, 8, segment(0xFE, b"<?php system($_GET[0]);")),
        jpeg(8, 8, segment(0xE2, archive())),
        jpeg(8, 8, segment(0xE2, pdf())),
        png(2, 2, chunk(b"tEXt", b"Comment\0<!DOCTYPE html><html>")),
        png(2, 2, chunk(b"zzZz", archive())),
    ],
)
def test_a_file_within_the_file_is_refused(content: bytes) -> None:
    assert refusal_of(content) == "document_ambiguous"


def test_a_jpeg_followed_by_a_zip_before_its_second_end_is_refused() -> None:
    assert refusal_of(jpeg() + archive() + b"\xff\xd9") == "document_ambiguous"


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-9.9\n%%EOF",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xd9",
        jpeg()[:-2],
        jpeg()[:40],
        jpeg(0, 8),
        PNG_SIGNATURE,
        png()[:-1],
        png(0, 2),
        png().replace(b"IDAT", b"IDAX"),
        PNG_SIGNATURE + chunk(b"IEND", b""),
        PNG_SIGNATURE + b"\xff\xff\xff\xffIHDR",
    ],
)
def test_damaged_files_are_refused(content: bytes) -> None:
    assert refusal_of(content) == "document_damaged"


@pytest.mark.parametrize("content", [png(60_000, 60_000), jpeg(65_000, 65_000)], ids=["png", "jpeg"])
def test_a_picture_that_would_fill_a_phone_is_refused(content: bytes) -> None:
    assert refusal_of(content) == "document_too_large"


@pytest.mark.parametrize(
    "content",
    [
        pdf(SCRIPT),
        pdf(b"<< /S " + escaped("JavaScript") + b" >>"),
        pdf(b"<< /S/Launch/F(cmd.exe)>>"),
        pdf(b"<< /Type /Filespec /EF << /F 5 0 R >> >>", b"<< /Type /EmbeddedFile >>"),
        pdf(b"<< /S /SubmitForm /F (https://example.com) >>"),
        pdf(b"<< /Subtype /RichMedia >>"),
        pdf(b"<< /XFA 9 0 R >>"),
        pdf(b"<< /Encrypt 9 0 R >>"),
        pdf(packed(b"5 0 " + SCRIPT)),
        pdf(packed(b"5 0 " + SCRIPT, b"/N 1 /First 4")),
        pdf(packed(b"5 0 " + b" " * 262_140 + SCRIPT)),
        *(pdf(stream(damaged, b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode")) for damaged in DAMAGED),
        pdf(stream(zlib.compress(zlib.compress(SCRIPT)), b"/Filter [/FlateDecode /FlateDecode]")),
        pdf(stream(zlib.compress(zlib.compress(zlib.compress(zlib.compress(SCRIPT)))))),
        pdf(stream(SCRIPT.hex().encode(), b"/Type /ObjStm /Filter /ASCIIHexDecode")),
        pdf(stream(SCRIPT, b"/Filter " + escaped("LZWDecode"))),
        pdf(packed(b"\2" + SCRIPT, b"/Type /ObjStm /N 1 /First 4 /DecodeParms << /Predictor 12 >>")),
        pdf(b"<< /X (stream\n) >>", packed(b"5 0 " + SCRIPT)),
        pdf(packed(b"\2" + SCRIPT, b"/Type /ObjStm /DecodeParms 5 0 R"), b"<< /Predictor 12 /Columns 8 >>"),
        pdf(packed(b"\2" + SCRIPT, b"/Type /ObjStm /" + escaped("DP")[1:] + b"[ 5 0 R ]")),
        pdf(b"4", packed(b"\2" + SCRIPT, b"/Type /Obj#53tm /First 4 0 R /DecodeParms << /Predictor 12 >>")),
        pdf(b"4", packed(b"\2" + SCRIPT, b"/N 1 /First 4 0 R /DecodeParms << /Predictor 12 >>")),
        pdf(packed(b"5 0 /ASCIIHexDecode"), stream(SCRIPT.hex().encode(), b"/Type /ObjStm /Filter 5 0 R")),
        pdf(rb"<< /S /GoToR /F (\\\\office\\share) /D [0 /Fit] >>"),
        pdf(b"<< /S /Thread /D 0 >>"),
        pdf(b"<< /Type /Annot /AA << /E 5 0 R >> >>"),
        pdf(b"<< /S /Sound >>"),
        pdf(stream(b"", b"/F (http://example.com/more)")),
        pdf(stream(b"", b"/F << /FS /URL /F (http://example.com/more) >>")),
        pdf(b"<< /Type /Filespec /F <5c5c> >>"),
    ],
)
def test_a_pdf_with_more_than_pages_is_refused(content: bytes) -> None:
    assert refusal_of(content) == "document_active"


def test_a_pdf_that_unpacks_without_end_costs_bounded_time() -> None:
    bomb = zlib.compress(bytes(pdfs.MOST_UNPACKED + 1), 9)
    assert len(bomb) < 1_000_000
    begun = time.process_time()
    assert refusal_of(pdf(stream(bomb))) == "document_too_large"
    assert refusal_of(pdf(stream(zlib.compress(bomb)))) == "document_too_large"
    assert refusal_of(pdf(*(stream(b"") for _ in range(pdfs.MOST_STREAMS + 1)))) == "document_too_large"
    assert time.process_time() - begun < 30

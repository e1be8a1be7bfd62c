"""Byte order marks, which say what encoding a text is in."""

import codecs
from collections.abc import Mapping

MARKS: Mapping[bytes, str | None] = {
    codecs.BOM_UTF8: "utf-8",
    "\ufeff".encode("gb18030"): "gb18030",
    codecs.BOM_UTF16_LE: None,
    codecs.BOM_UTF16_BE: None,
}
"""The encoding that a mark stands for; None where it is one that no file may be in."""
LONGEST_MARK = max(map(len, MARKS))


def mark_of(head: bytes) -> bytes:
    """The byte order mark with which a text begins, if any."""
    return next((mark for mark in MARKS if head.startswith(mark)), b"")

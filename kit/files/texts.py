"""Texts decoded piece by piece, in the one encoding on which their label, their mark and their bytes agree."""

import codecs
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message

from chassis.problems import UnsupportedMediaType
from kit.files.encodings import LONGEST_MARK, MARKS, mark_of
from kit.files.kinds import LONGEST_BEGINNING, kind_of
from kit.files.refusals import (
    NulCharacter,
    UndecodableBytes,
    UnsupportedContentEncoding,
    WrongCharset,
    WrongFileKind,
)

UTF_8, GB18030 = "utf-8", "gb18030"
# GB 18030 reads whatever its predecessors wrote, whose names many systems still put on it.
_CHARSETS = {UTF_8: UTF_8, "utf8": UTF_8, GB18030: GB18030, "gbk": GB18030, "gb2312": GB18030}
_CODINGS = {"identity": False, "gzip": True, "x-gzip": True}
_HEAD = max(LONGEST_MARK, LONGEST_BEGINNING)
_LONG_SEQUENCE = re.compile(rb"[\xe0-\xf4]")
"""In UTF-8 the first byte of a sequence of three or four, as Chinese and full-width forms are written."""


@dataclass(frozen=True)
class Label:
    """What the headers say of a file."""

    media_type: str
    """Empty where they do not say."""
    charset: str | None
    """Of a text."""
    gzipped: bool


def label_of(headers: Mapping[str, str], expected: str) -> Label:
    """Read the headers.

    Args:
        headers: of the request.
        expected: the media types to name when the charset is none that is read.

    Raises:
        UnsupportedMediaType: the charset is unknown.
        UnsupportedContentEncoding
    """
    header = Message()
    header["Content-Type"] = headers.get("content-type", "")
    media_type = header.get_content_type() if headers.get("content-type") else ""
    # That of a file that is packed, or a workbook, says nothing of the text in it.
    charset = header.get_param("charset") if media_type.startswith("text/") else None
    if charset is not None and str(charset).lower() not in _CHARSETS:
        raise UnsupportedMediaType(expected=expected)
    coding = headers.get("content-encoding", "identity").lower()
    if coding not in _CODINGS:
        raise UnsupportedContentEncoding
    return Label(media_type, None if charset is None else _CHARSETS[str(charset).lower()], _CODINGS[coding])


class Decoder:
    """Decodes a text, and proves that all of it is text."""

    def __init__(self, label: str | None, default: str = UTF_8) -> None:
        """Begin with what is known.

        Args:
            label: the encoding that its sender names, if any.
            default: the encoding of a text without label and mark.
        """
        self._label = label
        self._default = default
        self._head = b""
        self._count = 0
        self.encoding: str | None = None
        """Settled with the first bytes."""
        self.marked = False

    def text(self, piece: bytes) -> str:
        """The text of a further piece.

        Raises:
            WrongCharset: the bytes say plainly that they are in another encoding.
            UndecodableBytes, NulCharacter, WrongFileKind: this is no text.
        """
        if self.encoding is None:
            self._head += piece
            if len(self._head) < _HEAD:
                return ""
            piece = self._begin()
        return self._decoded(piece)

    def finish(self) -> str:
        """The rest of the text, after its last piece.

        Raises:
            WrongCharset, UndecodableBytes, NulCharacter, WrongFileKind
        """
        piece = self._begin() if self.encoding is None else b""
        return self._decoded(piece, final=True)

    def _begin(self) -> bytes:
        """Settle the encoding by label and byte order mark; gives the first bytes without the mark."""
        if kind := kind_of(self._head):
            raise WrongFileKind(kind=kind)
        mark = mark_of(self._head)
        encoding = MARKS[mark] if mark else self._label or self._default
        if encoding is None or (self._label or encoding) != encoding:
            raise WrongCharset(label=self._label or self._default)
        self.encoding, self.marked = encoding, bool(mark)
        self._count = len(mark)
        self._decoder = codecs.getincrementaldecoder(encoding)()
        # Chinese in UTF-8 can pass for GB18030, as nonsense. A few characters in GB18030 can pass for UTF-8 too, but
        # as sequences of two; they practically never make one of three.
        self._suspicion = codecs.getincrementaldecoder(UTF_8)() if encoding == GB18030 else None
        self._long_sequence = False
        return self._head[len(mark) :]

    def _decoded(self, piece: bytes, *, final: bool = False) -> str:
        if (nul := piece.find(b"\0")) >= 0:
            raise NulCharacter(byte=self._count + nul)
        self._count += len(piece)
        try:
            text = self._decoder.decode(piece, final)
        except UnicodeDecodeError as error:
            # Bytes that the decoder kept from the previous piece come first.
            byte = self._count - len(error.object) + error.start
            raise UndecodableBytes(byte=byte, encoding=self.encoding) from None
        self._suspect(piece, final=final)
        return text

    def _suspect(self, piece: bytes, *, final: bool) -> None:
        if self._suspicion is None:
            return
        self._long_sequence = self._long_sequence or _LONG_SEQUENCE.search(piece) is not None
        try:
            self._suspicion.decode(piece, final)
        except UnicodeDecodeError:
            self._suspicion = None
            return
        if final and self._long_sequence:
            raise WrongCharset(label=self.encoding)


def decoded(pieces: Iterable[bytes], label: str | None, default: str = UTF_8) -> Iterator[str]:
    """The text in these pieces, with line ends as they are.

    Raises:
        WrongCharset, UndecodableBytes, NulCharacter, WrongFileKind
    """
    decoder = Decoder(label, default)
    for piece in pieces:
        yield decoder.text(piece)
    yield decoder.finish()

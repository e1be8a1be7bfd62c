"""The XML of a workbook's parts, element by element as it is unpacked: no part is ever in memory as a whole."""

from collections.abc import Callable, Iterator, Mapping
from xml.parsers import expat

from svc_payments.billing.files.refusals import WorkbookBroken

_LONGEST_TOKEN = 1024 * 1024
_BUFFER = 64 * 1024
_ENCODINGS = {"utf-8", "utf-16"}
"""Those of the format (ECMA-376, part 2). In another one, two programs may read two texts, and expat raises errors of
its codec."""

Start = Callable[[str, Mapping[str, str]], None]
End = Callable[[str], None]
Text = Callable[[str], None]


class Markup:
    """A parser that calls handlers at the start and end of elements; names come as "namespace name"."""

    def __init__(self, start: Start, end: End | None = None) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.buffer_size = _BUFFER
        self._parser.StartElementHandler = start
        if end:
            self._parser.EndElementHandler = end
        # Workbooks have no document type, and without one there are no entities that grow.
        self._parser.StartDoctypeDeclHandler = _refuse
        self._parser.XmlDeclHandler = _require_encoding
        self._fed = 0

    def listen(self, text: Text | None) -> None:
        """Send characters to this handler from now on; None discards them."""
        self._parser.CharacterDataHandler = text

    def feed(self, piece: bytes, *, final: bool = False) -> None:
        """Parse a further piece.

        Raises:
            WorkbookBroken: it is not XML, or not such as a workbook has.
        """
        self._fed += len(piece)
        try:
            self._parser.Parse(piece, final)
        except expat.ExpatError:
            raise WorkbookBroken from None
        # An unclosed tag would be buffered without limit.
        if self._fed - self._parser.CurrentByteIndex > _LONGEST_TOKEN:
            raise WorkbookBroken


def _refuse(*_: object) -> None:
    raise WorkbookBroken


def _require_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise WorkbookBroken


def local(name: str) -> str:
    """A name without its namespace, which differs between the two dialects of the format."""
    return name.rpartition(" ")[2]


def elements(pieces: Iterator[bytes]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The elements of a part in order, as they begin: local name and attributes."""
    begun: list[tuple[str, Mapping[str, str]]] = []
    markup = Markup(lambda name, attributes: begun.append((local(name), attributes)))
    for piece in pieces:
        markup.feed(piece)
        yield from begun
        begun.clear()
    markup.feed(b"", final=True)
    yield from begun

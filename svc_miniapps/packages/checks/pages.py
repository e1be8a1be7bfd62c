"""What a page loads and which scripts stand in it.

Every `<name` counts as an element, wherever it stands, also in comments, texts and scripts. Readers disagree on where
those end (HTML Living Standard, 13.2.5), and a page that hides an element from us would show it to a phone.
"""

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

Fact = tuple[str, int, str]
"""What it is, the line, and its words."""

_OPENING = re.compile(rb"<([a-z][^\s/>]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")
_CLOSING_SCRIPT = re.compile(rb"</script", re.IGNORECASE)
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_READ_AT_MOST = 4
"""How often a page may be read over, on average: unfinished elements are read to its end each time."""
_DEEPEST = 2
"""Of pages in attributes of pages."""
_CONTROLS = "".join(map(chr, range(0x21)))
_SPECIAL = re.compile(r"(https?|wss?|ftp):/*", re.IGNORECASE)
_ADDRESSES = frozenset(
    {"src", "href", "action", "data", "poster", "formaction", "background", "codebase", "manifest", "ping"}
)
_LISTS = frozenset({"srcset", "imagesrcset"})
_FRAMES = ("iframe", "frame", "object", "embed")
_SCRIPTS = frozenset({"", "module", "text/livescript", "text/x-javascript", "text/x-ecmascript", "text/jscript"})
_SCRIPT = re.compile(r"(text|application)/(x-)?(java|ecma)script(1\.[0-5])?")
_RULES = frozenset({"importmap", "speculationrules"})
_UTF8 = frozenset({"utf-8", "utf8"})
_IN_TEXT = re.compile(r"(?:https?:)?//[^\s\"'<>]{1,500}", re.IGNORECASE)


class Inline(NamedTuple):
    """A script in a page."""

    script: bytes
    lines_before: int


class _Element(NamedTuple):
    name: str
    attributes: dict[str, str]
    """In lower case; the first of two with one name, as browsers take it."""
    line: int
    end: int


def parts_of(page: bytes, depth: int = 0) -> Iterator[Fact | Inline]:
    """The addresses and the scripts of a page in UTF-8; `unbearable` where reading it takes too long."""
    if depth > _DEEPEST:
        yield "unbearable", 1, ""
        return
    if entity := _ENTITY.search(page):  # a word of its own could stand for any address
        yield "error", 1 + page.count(b"\n", 0, entity.start()), "1"
    left = _READ_AT_MOST * len(page) + 64 * 1024
    line, counted = 1, 0
    for opening in _OPENING.finditer(page):
        line, counted = line + page.count(b"\n", counted, opening.start()), opening.start()
        element = _element(page, opening, line)
        left -= element.end - opening.start()
        if left < 0:
            yield "unbearable", line, ""
            return
        yield from _loaded(element)
        yield from _handlers(element)
        yield from _framed(element, depth)
        if element.name == "script":
            closing = _CLOSING_SCRIPT.search(page, element.end)
            end = closing.start() if closing else len(page)
            left -= end - element.end
            yield from _script(element, page[element.end : end], page.count(b"\n", 0, element.end))
            if closing is None:
                yield "error", line, "1"


def _element(page: bytes, opening: re.Match[bytes], line: int) -> _Element:
    attributes = dict[str, str]()
    at = opening.end()
    while found := _ATTRIBUTE.match(page, at):
        name = found[1].decode().lower()
        value = next((each for each in found.groups()[1:] if each is not None), b"")
        attributes.setdefault(name, html.unescape(value.decode()))
        at = found.end()
    closing = page.find(b">", at)
    return _Element(
        opening[1].decode().lower().rpartition(":")[2], attributes, line, len(page) if closing < 0 else closing + 1
    )


def _loaded(element: _Element) -> Iterator[Fact]:
    """The addresses of an element on other servers, and those that are scripts."""
    kind = _kind(element)
    for full_name, value in element.attributes.items():
        name = full_name.rpartition(":")[2]  # such as xlink:href
        if name in _ADDRESSES:
            yield from _address(kind, element.line, value)
        elif name in _LISTS:
            for each in value.split(","):
                yield from _address(kind, element.line, each.strip(_CONTROLS).partition(" ")[0])
    refresh = element.attributes.get("content", "").partition("=")[2].strip("'\" ")
    if element.name == "meta" and refresh and "http-equiv" in element.attributes:
        yield from _address("address", element.line, refresh)
    charset = element.attributes.get("charset", "utf-8").strip().lower()
    if element.name == "meta" and charset not in _UTF8:
        yield "encoding", element.line, ""


def _kind(element: _Element) -> str:
    """What a server gives where this element names it."""
    attributes = element.attributes
    is_module = "modulepreload" in attributes.get("rel", "").lower() or attributes.get("as", "").lower() == "script"
    if element.name in {"script", "base"} or (element.name == "link" and is_module):
        return "remote"  # with another base, every script of the page is another server's
    return {"a": "link", **dict.fromkeys(_FRAMES, "frame")}.get(element.name, "address")


def _address(kind: str, line: int, written: str) -> Iterator[Fact]:
    """An address as browsers read it (URL Living Standard, 4.4), if it names a server or is a script."""
    plain = written.strip(_CONTROLS).replace("\t", "").replace("\n", "").replace("\r", "").replace("\\", "/")
    scheme = plain.partition(":")[0].lower()
    server = "address" if kind == "frame" else kind
    if scheme in {"javascript", "vbscript"}:
        yield "eval", line, f"{scheme}:"
    elif scheme in {"data", "blob"} and kind in {"remote", "frame"}:
        yield "remote", line, f"{scheme}:"
    elif found := _SPECIAL.match(plain):
        yield server, line, f"{found[1].lower()}://{plain[found.end() :]}"
    elif plain.startswith("//"):
        yield server, line, f"//{plain.lstrip('/')}"


def _framed(element: _Element, depth: int) -> Iterator[Fact | Inline]:
    """What a page that is written in an attribute loads."""
    if inner := element.attributes.get("srcdoc"):
        for part in parts_of(inner.encode(), depth + 1):
            if isinstance(part, Inline):
                yield Inline(part.script, element.line - 1)
            else:
                kind, _line, words = part
                yield kind, element.line, words


def _handlers(element: _Element) -> Iterator[Inline]:
    """Attributes that are scripts, such as `onclick`."""
    for name, value in element.attributes.items():
        if name.startswith("on") and value.strip():
            yield Inline(value.encode(), element.line - 1)


def _script(element: _Element, content: bytes, lines_before: int) -> Iterator[Fact | Inline]:
    kind = element.attributes.get("type", "").strip(_CONTROLS).partition(";")[0].strip().lower()
    if kind in _RULES:
        for found in _IN_TEXT.finditer(content.decode()):
            yield "remote", 1 + lines_before + content.decode().count("\n", 0, found.start()), found[0]
    elif kind in _SCRIPTS or _SCRIPT.fullmatch(kind):
        # As many empty lines before it as the page has, so that its lines are the page's.
        yield Inline(content, lines_before)

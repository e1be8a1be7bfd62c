"""What a page loads and which scripts stand in it.

Every `<name` counts as an element, wherever it stands, also in comments, texts and scripts. Readers disagree on where
those end (HTML Living Standard, 13.2.5), and a page that hides an element from us would show it to a phone.
"""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from svc_miniapps.packages.checks.addresses import plain, scheme_of, server_of

Fact = tuple[str, int, str]
"""What it is, the line, and its words."""

_OPENING = re.compile(rb"<\??([a-z][^\s/>]*)", re.IGNORECASE)
_ATTRIBUTE = re.compile(rb"""[\s/]*([^\s/>][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]*)))?""")
_CLOSING_SCRIPT = re.compile(rb"</script", re.IGNORECASE)
_TWICE = re.compile(rb"<!--.*<script", re.IGNORECASE | re.DOTALL)
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_READ_AT_MOST = 4
"""How often a page may be read over, on average: unfinished elements are read to its end each time."""
_DEEPEST = 2
"""Of pages in attributes of pages."""
_CONTROLS = "".join(map(chr, range(0x21)))
_ADDRESSES = frozenset(
    {
        *("src", "href", "action", "data", "poster", "formaction", "background", "codebase", "manifest"),
        *("lowsrc", "dynsrc", "classid", "code", "profile", "icon", "to", "from", "by", "base"),
    }
)
_LISTS = {"srcset": ",", "imagesrcset": ",", "ping": " ", "archive": " ", "values": ";"}
_SRCSETS = frozenset({"srcset", "imagesrcset"})
_STYLED = re.compile(r"url\(|@import|image-set\(|\\", re.IGNORECASE)
_REFRESH = re.compile(r"[\s\d.]*[;,]?\s*(?:url\s*=\s*)?['\"]?(.*)", re.IGNORECASE | re.DOTALL)
_KINDS = {
    "a": "link",
    "script": "script_file",
    "base": "remote",
    **dict.fromkeys(("iframe", "frame", "object", "embed", "use"), "page_file"),
}
_SCRIPTS = frozenset({"", "module", "text/livescript", "text/x-javascript", "text/x-ecmascript", "text/jscript"})
_SCRIPT = re.compile(r"(text|application)/(x-)?(java|ecma)script(1\.[0-5])?")
_RULES = frozenset({"importmap", "speculationrules"})
_UTF8 = frozenset({"utf-8", "utf8"})
_CLOSING_STYLE = re.compile(rb"</style", re.IGNORECASE)
_CLOSINGS = {"script": _CLOSING_SCRIPT, "style": _CLOSING_STYLE}
MOST_ELEMENTS = 100_000
"""With their attributes, in all pages of a package."""


@dataclass
class Elements:
    """How many elements and attributes may still be read."""

    left: int = MOST_ELEMENTS


class Style(NamedTuple):
    style: str
    line: int


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


def parts_of(page: bytes, elements: Elements, depth: int = 0) -> Iterator[Fact | Inline | Style]:
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
        elements.left -= 1 + len(element.attributes)
        if left < 0 or elements.left < 0:
            yield "unbearable", line, ""
            return
        yield from _loaded(element)
        yield from _handlers(element)
        yield from _framed(element, elements, depth)
        if element.name in _CLOSINGS:
            closing = _CLOSINGS[element.name].search(page, element.end)
            content = page[element.end : closing.start() if closing else len(page)]
            left -= len(content)
            if element.name == "style":
                yield Style(content.decode("utf-8", "replace"), line)
            elif content.strip():
                if _TWICE.search(content):  # readers then end it elsewhere
                    yield "error", line, "1"
                yield from _script(element, content, line - 1 + page.count(b"\n", opening.start(), element.end))
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


def _loaded(element: _Element) -> Iterator[Fact | Style]:
    """The addresses of an element on other servers, and those that are scripts."""
    kind = _kind(element)
    for full_name, value in element.attributes.items():
        name = full_name.rpartition(":")[2]  # such as xlink:href
        if name in _ADDRESSES or (name == "value" and element.name == "param"):
            yield from _address(kind, element.line, value)
        elif name in _LISTS:
            for each in value.split(_LISTS[name]):
                written = each.strip(_CONTROLS).partition(" ")[0] if name in _SRCSETS else each
                yield from _address("address", element.line, written)
        if _STYLED.search(value):
            yield Style(value, element.line)
    if element.name == "meta" and "http-equiv" in element.attributes:
        refresh = _REFRESH.match(element.attributes.get("content", ""))
        yield from _address("address", element.line, refresh[1] if refresh else "")
    charset = element.attributes.get("charset", "utf-8").strip().lower()
    if element.name == "meta" and charset not in _UTF8:
        yield "encoding", element.line, ""


def _kind(element: _Element) -> str:
    """What a server or a file gives where this element names it."""
    attributes = element.attributes
    rel, given = attributes.get("rel", "").lower().split(), attributes.get("as", "").strip().lower()
    if element.name == "link" and ("modulepreload" in rel or given in {"script", "worker"}):
        return "script_file"
    if element.name == "link" and ("stylesheet" in rel or given == "style"):
        return "style_file"
    return _KINDS.get(element.name, "address")


_AWAY = {"script_file": "remote", "style_file": "address", "page_file": "address"}
"""What the address of another server is, by what it gives."""


def _address(kind: str, line: int, written: str) -> Iterator[Fact]:
    """An address as browsers read it, if it names a server, is a script, or a file that is run."""
    scheme = scheme_of(written)
    if scheme in {"javascript", "vbscript"}:
        yield "eval", line, f"{scheme}:"
    elif server_of(written) is not None:
        yield _AWAY.get(kind, kind), line, plain(written)[:500]
    elif scheme and kind in {"remote", *_AWAY}:
        yield "remote", line, f"{scheme}:"
    elif kind in _AWAY and not scheme and plain(written):
        yield kind, line, written


def _framed(element: _Element, elements: Elements, depth: int) -> Iterator[Fact | Inline | Style]:
    """What a page that is written in an attribute loads."""
    if inner := element.attributes.get("srcdoc"):
        for part in parts_of(inner.encode("utf-8", "replace"), elements, depth + 1):
            if isinstance(part, Inline):
                yield Inline(part.script, element.line - 1)
            elif isinstance(part, Style):
                yield Style(part.style, element.line)
            else:
                kind, _line, words = part
                yield kind, element.line, words


def _handlers(element: _Element) -> Iterator[Inline]:
    """Attributes that are scripts, such as `onclick`."""
    for name, value in element.attributes.items():
        if name.startswith("on") and value.strip():
            yield Inline(value.encode("utf-8", "replace"), element.line - 1)


def _script(element: _Element, content: bytes, lines_before: int) -> Iterator[Fact | Inline]:
    kind = element.attributes.get("type", "").strip(_CONTROLS).partition(";")[0].strip().lower()
    if kind in _RULES:
        yield from _rules(content, 1 + lines_before)
    elif kind in _SCRIPTS or _SCRIPT.fullmatch(kind):
        # As many empty lines before it as the page has, so that its lines are the page's.
        yield Inline(content, lines_before)


def _rules(content: bytes, line: int) -> Iterator[Fact]:
    """The addresses of an import map, which says where modules come from."""
    try:
        waiting = [json.loads(content)]
    except (ValueError, RecursionError):
        yield "error", line, "1"
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            yield from (("remote", line, key) for key in value if server_of(key) is not None)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str):
            is_away = server_of(value) is not None or scheme_of(value)
            yield "remote" if is_away else "module", line, value[:500]

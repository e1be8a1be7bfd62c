"""What a style fetches, read after its escapes: every text and everything in brackets that is an address counts."""

import re
from collections.abc import Iterator

from svc_miniapps.packages.checks.addresses import character, server_of

Fact = tuple[str, int, str]
"""What it is, the line, and its words."""
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|[\n\r\f])|(.))", re.IGNORECASE | re.DOTALL)
_OPENED = re.compile(r"""["'(][ \t\r\n\f]{0,100}([^"'()]{1,600})""")
_IMPORT = re.compile(
    r"""@import(?:\s|/\*.{0,200}?\*/){0,20}(?:url\((?:\s{0,20}))?["']?([^"'()\s;]{1,500})""", re.IGNORECASE | re.DOTALL
)


def style_facts(style: str) -> Iterator[Fact]:
    """The servers that a style names, and the styles of the package that it imports."""
    text = _ESCAPE.sub(_character, style)
    line, counted = 1, 0
    for found in _OPENED.finditer(text):
        if server_of(found[1]) is not None:
            line, counted = line + text.count("\n", counted, found.start()), found.start()
            yield "address", line, found[1][:500]
    for found in _IMPORT.finditer(text):
        yield "style_file", 1 + text.count("\n", 0, found.start()), found[1]


def _character(found: re.Match[str]) -> str:
    hexadecimal, line_end, other = found.groups()
    if hexadecimal:
        return character(int(hexadecimal, 16))
    return "" if line_end else str(other)

"""Papers: what people print, keep and show to others, set by Typst from a template and some data.

The same data gives the same bytes, whenever and wherever it is set: a paper does not show when it was made.
A template imports the common look with `#import "paper.typ": *`; its text is in `sys.inputs.data`.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import anyio.to_thread
import fontpkg_noto_sans
import fontpkg_noto_sans_arabic
import pylopdf_fonts_zh_cn
import typst
from anyio import CapacityLimiter
from fastapi.responses import Response

from kit.invariants import InvariantBrokenError

_COMMON_LOOK = Path(__file__).parent / "paper.typ"
_AT_ONCE = CapacityLimiter(2)
"""A page costs some milliseconds of a core. Many of them queue here, not in the threads that everything else uses."""


class PdfResponse(Response):
    media_type = "application/pdf"


async def pdf(template: Path, data: Mapping[str, Any], *, issued_at: datetime) -> bytes:
    """A paper as PDF/A-2b with its fonts inside, set in a thread of its own.

    Args:
        template: a file; beyond `paper.typ` it can read what is in its own folder, and nothing else.
        data: what the template shows, as JSON can hold it; no text in it is ever read as markup.
        issued_at: the date the file says it is from.
    """
    return await anyio.to_thread.run_sync(partial(_set, template, json.dumps(data), issued_at), limiter=_AT_ONCE)


def _set(template: Path, data: str, issued_at: datetime) -> bytes:
    try:
        return _compiled(template, data, issued_at, standard="a-2b")
    except typst.TypstError:
        # A rare character that none of our fonts has, as some names have, makes a PDF/A impossible, but not a paper.
        return _compiled(template, data, issued_at, standard="1.7")


def _compiled(template: Path, data: str, issued_at: datetime, standard: Literal["a-2b", "1.7"]) -> bytes:
    files: Any = {"main.typ": template, "paper.typ": _COMMON_LOOK}  # the library's stub lacks this form of input
    made = typst.compile(
        files,
        root=template.parent,
        font_paths=_fonts(),
        sys_inputs={"data": data},
        pdf_standards=standard,
        timestamp=int(issued_at.timestamp()),
    )
    if not isinstance(made, bytes):
        raise InvariantBrokenError("Typst gave several files for one PDF")
    return made


@cache
def _fonts() -> typst.Fonts:
    """Noto for Chinese, for Latin and Cyrillic with Kazakh's letters, and for Arabic with Uyghur's and Kazakh's.

    Fonts of the machine are left out: with them a paper would look different on another one.
    """
    folders = [
        pylopdf_fonts_zh_cn.sans_path().parent,
        fontpkg_noto_sans.ROOT / "files",
        fontpkg_noto_sans_arabic.ROOT / "files",
    ]
    return typst.Fonts(font_paths=folders, include_system_fonts=False, include_embedded_fonts=False)

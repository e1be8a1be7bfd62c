"""Refusals as pages, for people whose browser opened an address: never JSON."""

import base64
import hashlib
import html
from collections.abc import Mapping
from string import Template
from typing import Any

from chassis.problems import Problem, words

_NOT_AT_ALL = {"q=0", "q=0.0", "q=0.00", "q=0.000"}
_RETRIED = frozenset({429, 502, 503, 504})
_STYLE = (
    "body{margin:0 auto;max-width:34rem;padding:2rem 1.5rem;font:1.05rem/1.7 system-ui,'Noto Sans CJK SC',"
    "'Noto Naskh Arabic',sans-serif;color:#16242d;background:#fff;overflow-wrap:anywhere}"
    "h1{font-size:1.4rem}a{display:inline-block;padding:.6rem 0;color:#17415c}small{color:#51626d}"
)
POLICY = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = Template(
    '<!doctype html>\n<html lang="$language" dir="$direction">\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>$title</title>\n'
    f"<style>{_STYLE}</style>\n"
    "<main><h1>$title</h1>\n<p>$detail</p>\n$way_on\n"
    '<p><small>$number <bdi dir="ltr">$request_id</bdi></small></p></main>\n</html>\n'
)


def accepts_pages(accept: str) -> bool:
    """Whether a client names HTML, as browsers do that open an address."""
    parts = [[part.strip() for part in each.split(";")] for each in accept.lower().split(",")]
    return any(each[0] == "text/html" and not _NOT_AT_ALL & set(each) for each in parts)


def page(problem: Problem, content: Mapping[str, Any], language: str, request_id: str, *, is_read: bool) -> bytes:
    """The page of a refusal.

    Args:
        problem: the refusal.
        content: its problem document, in the reader's language.
        language: of the page.
        request_id: for those whom the reader asks for help.
        is_read: whether opening the address again repeats no action.
    """
    own = words("page", "gateway", language)
    again = is_read and problem.status in _RETRIED
    way_on = f'<p><a href="">{html.escape(own["again"])}</a></p>' if again else f"<p>{html.escape(own['back'])}</p>"
    texts = {"title": content["title"], "detail": content["detail"], "number": own["number"], "request_id": request_id}
    escaped = {name: html.escape(value) for name, value in texts.items()}
    return _PAGE.substitute(escaped, language=language, direction=own["direction"], way_on=way_on).encode()

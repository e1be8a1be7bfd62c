"""Files of the package that a page, script or style runs: what is named there must be checked as what it is run as."""

import posixpath
from collections.abc import Collection, Iterator
from urllib.parse import unquote

from svc_miniapps.packages.checks.addresses import plain
from svc_miniapps.packages.checks.findings import Finding

SCRIPTS = (".js", ".mjs", ".cjs")
PAGES = (".html", ".htm", ".xhtml", ".xht", ".shtml", ".xml", ".xsl", ".xslt", ".svg")
STYLES = (".css",)
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_ENDINGS = {
    **dict.fromkeys(("script_file", "worker_file", "module"), SCRIPTS),
    "style_file": STYLES,
    "page_file": (*PAGES, *_PICTURES),
}
KINDS = frozenset(_ENDINGS)
SOMEWHERE = "somewhere "
"""Before a kind: which file is meant, only a run would tell, since it depends on the page."""


def kind_of(path: str) -> str:
    """The ending of a file's name, in lower case."""
    return path[path.rfind(".") :].lower()


def check_load(paths: Collection[str], member: str, kind: str, line: int, written: str) -> Iterator[Finding]:
    """Whether a file has the ending of its kind, and is there where its place can be told."""
    is_here, kind = kind in KINDS, kind.removeprefix(SOMEWHERE)
    path = unquote(plain(written).replace("\\", "/").partition("#")[0].partition("?")[0])
    if (not path and kind == "page_file") or (kind == "module" and not path.startswith((".", "/"))):
        return  # the page itself; the name of a module, which only an import map can lead to a file
    values = {"line": line, "path": written[:200]}
    if kind_of(path) not in _ENDINGS[kind]:
        yield Finding("load_wrong_kind", member, {**values, "endings": " ".join(_ENDINGS[kind])})
    elif is_here and kind != "worker_file" and _resolved(member, path) not in paths:
        yield Finding("load_missing", member, values)


def _resolved(member: str, path: str) -> str:
    """The file of the package, as browsers resolve a path: nothing is above its root."""
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(member), path)).lstrip("/")

"""What a package's scripts do: files, inline scripts of pages, and addresses in pages and styles.

Scripts are parsed by `scanner.py` in a process of its own, which this one waits for.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from svc_miniapps.packages.checks.archive import Archive
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.checks.pages import Fact, Inline, parts_of

MAX_BYTES = 384 * 1024
"""Of one script, page or style; parsing takes about a hundred times as much."""
_SCRIPTS = (".js", ".mjs", ".cjs")
_PAGES = (".html", ".htm", ".xhtml", ".xml", ".svg")
_STYLE = ".css"
_STYLE_ADDRESS = re.compile(
    rb"""(?:url\(\s{0,20}|@import\s{1,20})["']?((?:[a-z]{1,10}:)?//[^"'\s()]{1,500})""", re.IGNORECASE
)
_NO_SERVER = frozenset({"www.w3.org"})
"""Names of vocabularies, which nothing is fetched from."""


def check_scripts(archive: Archive, manifest: dict[str, Any], expected: Expected, used: set[str]) -> Iterator[Finding]:
    """What is wrong with them; `used` gets the entries of the allow-list that they use."""
    judge = _Judge(manifest, expected, used)
    with _scanner() as scanner:
        for path in archive.paths:
            kind = path[path.rfind(".") :].lower()
            if kind not in {*_SCRIPTS, *_PAGES, _STYLE} or not archive.is_sound(path):
                continue
            content = archive.read(path, MAX_BYTES)
            if content is None:
                yield Finding("script_too_large", path, {"bytes": archive.size_of(path), "limit": MAX_BYTES})
                continue
            for fact in _facts(scanner, kind, content):
                yield from judge.findings(path, fact)
                if fact[0] == "unbearable":
                    return


def _facts(scanner: "subprocess.Popen[bytes]", kind: str, content: bytes) -> Iterator[Fact]:
    """What is in a file, by its kind."""
    if b"\0" in content or not _is_utf8(content):
        yield "encoding", 1, ""
    elif kind in _SCRIPTS:
        yield from _scanned(scanner, content, 0)
    elif kind == _STYLE:
        yield from _addresses(_STYLE_ADDRESS, content, 1, 0)
    else:
        yield from _page_facts(scanner, content)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _page_facts(scanner: "subprocess.Popen[bytes]", page: bytes) -> Iterator[Fact]:
    for part in parts_of(page):
        if isinstance(part, Inline):
            yield from _scanned(scanner, part.script, part.lines_before)
        else:
            yield part
    yield from _addresses(_STYLE_ADDRESS, page, 1, 0)


def _addresses(pattern: re.Pattern[bytes], content: bytes, group: int, lines_before: int) -> Iterator[Fact]:
    line, counted = 1 + lines_before, 0
    for found in pattern.finditer(content):
        line, counted = line + content.count(b"\n", counted, found.start()), found.start()
        yield "address", line, found[group].decode("utf-8", "replace")


@contextmanager
def _scanner() -> "Iterator[subprocess.Popen[bytes]]":
    # Without the environment: nothing of the service's settings goes to a process that reads others' bytes.
    command = [sys.executable, "-I", str(Path(__file__).with_name("scanner.py")), *permissions_by_use()]
    with subprocess.Popen(  # noqa: S603 - our own file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _scanned(scanner: "subprocess.Popen[bytes]", script: bytes, lines_before: int) -> Iterator[Fact]:
    if scanner.stdin is None or scanner.stdout is None:
        raise TypeError("the scanner has no pipes")
    try:
        scanner.stdin.write(b"%d\n" % len(script) + script)
        scanner.stdin.flush()
        answer = scanner.stdout.readline()
    except BrokenPipeError:
        answer = b""
    if not answer:  # the system stopped it
        yield "unbearable", 1 + lines_before, ""
        return
    for kind, line, words in json.loads(answer):
        yield kind, line + lines_before, words


@cache
def permissions_by_use() -> dict[str, str]:
    """The permission that each part of the runtime needs."""
    table: dict[str, list[str]] = json.loads(Path(__file__).with_name("permissions.json").read_text("utf-8"))
    return {use: name for name, uses in table.items() for use in uses}


class _Judge:
    """What facts mean for this app."""

    def __init__(self, manifest: dict[str, Any], expected: Expected, used: set[str]) -> None:
        self.domains, self.used = expected.domains, used
        self.declared = {each["name"] for each in manifest.get("req_permissions", ())}
        self._said = set[tuple[str, str]]()

    def findings(self, path: str, fact: Fact) -> Iterator[Finding]:
        kind, line, words = fact
        if kind == "error":
            yield Finding("script_not_parsed", path, {"line": line, "column": words})
        elif kind == "encoding":
            yield Finding("script_not_utf8", path)
        elif kind == "unbearable":
            yield Finding("script_too_complex", path)
        elif kind == "eval":
            yield Finding("script_makes_code", path, {"line": line, "call": words})
        elif kind == "remote":
            yield Finding("script_remote", path, {"line": line, "address": words})
        elif kind == "address":
            yield from self._address(path, line, words)
        elif kind == "use":
            yield from self._use(path, line, words)

    def _address(self, path: str, line: int, address: str) -> Iterator[Finding]:
        domain = domain_of(address)
        if domain is None or self.domains is None or domain in _NO_SERVER:
            return
        if entry := entry_for(domain, self.domains):
            self.used.add(entry)
            return
        if self._is_first(path, str(domain)):
            yield Finding("domain_not_allowed", path, {"line": line, "domain": domain})

    def _use(self, path: str, line: int, use: str) -> Iterator[Finding]:
        permission = permissions_by_use()[use]
        if permission not in self.declared and self._is_first(path, permission):
            yield Finding("permission_not_declared", path, {"line": line, "use": use, "permission": permission})

    def _is_first(self, path: str, what: str) -> bool:
        """Each server and each permission is named once for a file."""
        is_first = (path, what) not in self._said
        self._said.add((path, what))
        return is_first


def entry_for(host: str, allowed: AbstractSet[str]) -> str | None:
    """The entry of an allow-list that includes a host: the host itself, or a wildcard above it."""
    above = host.removeprefix("*.").split(".")
    wildcards = (f"*.{'.'.join(above[place:])}" for place in range(1, len(above)))
    return next((entry for entry in (host, *wildcards) if entry in allowed), None)


def domain_of(address: str) -> str | None:
    """The host of an address that a script or a page fetches from; None for those that reach no server."""
    try:
        parts = urlsplit(address if "//" in address else "")
        host = parts.hostname
    except ValueError:
        return address[:100]
    if parts.scheme not in {"", "http", "https", "ws", "wss", "ftp"}:
        return None
    return host or address[:100]

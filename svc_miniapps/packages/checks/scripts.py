"""What a package's scripts, pages and styles do: files, what stands inline in pages, and what scripts make of texts.

Scripts are parsed by `scanner.py` in a process of its own, which this one waits for. The work for one package is
bounded as a whole, in bytes, elements and inline scripts, and in that process in nodes and seconds.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from svc_miniapps.packages.checks.addresses import UNKNOWN, server_of
from svc_miniapps.packages.checks.archive import Archive
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.judge import Judge, permissions_by_use
from svc_miniapps.packages.checks.loads import KINDS, PAGES, SCRIPTS, SOMEWHERE, STYLES, kind_of
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.checks.pages import Elements, Fact, Inline, Style, parts_of
from svc_miniapps.packages.checks.styles import style_facts

MAX_BYTES = 384 * 1024
"""Of one script, page or style; parsing takes about a hundred times as much."""
MAX_TOGETHER = 4 * 1024 * 1024
MAX_INLINE = 20_000
"""Different scripts in the pages of a package."""
_DEEPEST = 3
"""Of scripts in pages in texts of scripts."""
_UNREAD: list[Fact] = [("unbearable", 1, "")]
_ROOT = Path(__file__).parents[3]
_START = "import sys; sys.path.append(sys.argv[1]); from svc_miniapps.packages.checks.scanner import run; run()"


def check_scripts(archive: Archive, manifest: dict[str, Any], expected: Expected, used: set[str]) -> Iterator[Finding]:
    """What is wrong with them; `used` gets the entries of the allow-list that they use."""
    judge = Judge(manifest, expected, used, frozenset(archive.paths))
    total = sum(archive.size_of(path) for path in archive.paths if _is_read(path))
    if total > MAX_TOGETHER:
        yield Finding("scripts_too_large", values={"bytes": total, "limit": MAX_TOGETHER})
        return
    with _reader() as reader:
        for path in filter(_is_read, archive.paths):
            if not archive.is_sound(path):
                continue
            content = archive.read(path, MAX_BYTES)
            if content is None:
                yield Finding("script_too_large", path, {"bytes": archive.size_of(path), "limit": MAX_BYTES})
                continue
            for fact in reader.facts(path, content):
                yield from judge.findings(path, fact)
                if fact[0] == "unbearable":
                    return


def servers_in(archive: Archive) -> set[str]:
    """The servers that a package names, links and data included, for reviewers: read as the check reads them.

    `…` among them stands for those of files that are too large or too complex to be read.
    """
    servers = set[str]()
    with _reader() as reader:
        for path in archive.paths:
            if not (_is_read(path) or kind_of(path) == ".json") or not archive.is_sound(path):
                continue
            content = archive.read(path, MAX_BYTES)
            for kind, _line, words in _UNREAD if content is None else reader.facts(path, content):
                if kind == "unbearable":
                    servers.add("…")
                server = server_of(words) if kind in {"address", "remote", "link"} else None
                if server is not None and server.host:
                    servers.add(f"{server.host}{server.port and ':'}{server.port}")
    return servers


def _is_read(path: str) -> bool:
    return kind_of(path) in {*SCRIPTS, *PAGES, *STYLES}


@dataclass
class _Reader:
    """Reads the files of one package with one scanner."""

    scanner: "subprocess.Popen[bytes]"
    elements: Elements
    inline_left: int = MAX_INLINE

    def facts(self, path: str, content: bytes) -> Iterator[Fact]:
        """What is in a file, by its kind."""
        kind, text = kind_of(path), _text_of(content)
        if text is None:
            yield "encoding", 1, ""
        elif kind in SCRIPTS:
            yield from self._script(content, 0, 0)
        elif kind in STYLES:
            yield from style_facts(text)
        elif kind == ".json":
            yield from _json_facts(text)
        else:
            yield from self._page(content, 0)

    def _page(self, page: bytes, depth: int) -> Iterator[Fact]:
        read = set[bytes]()
        for part in parts_of(page, self.elements):
            if isinstance(part, Style):
                yield from ((kind, line + part.line - 1, words) for kind, line, words in style_facts(part.style))
            elif not isinstance(part, Inline):
                yield part
            elif depth and UNKNOWN.encode() in part.script:
                yield "eval", 1, "innerHTML"
            elif part.script not in read:
                read.add(part.script)
                self.inline_left -= 1
                if self.inline_left < 0:
                    yield "unbearable", 1 + part.lines_before, ""
                    return
                yield from self._script(part.script, part.lines_before, depth)

    def _script(self, script: bytes, lines_before: int, depth: int) -> Iterator[Fact]:
        for kind, line, words in self._scanned(script):
            at = line + lines_before
            if kind not in {"markup", "script", "style"}:
                yield kind, at, words
            elif depth >= _DEEPEST:
                yield "unbearable", at, ""
            else:
                for inner, _line, said in self._within(kind, words, depth + 1):
                    yield f"{SOMEWHERE}{inner}" if inner in KINDS else inner, at, said

    def _within(self, kind: str, text: str, depth: int) -> Iterator[Fact]:
        """What a text of a script is as a page, style or script. Where its files are only a run tells."""
        content = text.encode("utf-8", "replace")
        if kind == "style":
            yield from (fact for fact in style_facts(text) if fact[0] == "address")
        elif kind == "script":
            yield from (
                ("eval", 1, "javascript:") if fact[0] == "error" else fact for fact in self._script(content, 0, depth)
            )
        else:
            yield from (fact for fact in self._page(content, depth) if fact[0] not in {"link", "encoding"})

    def _scanned(self, script: bytes) -> list[Fact]:
        if self.scanner.stdin is None or self.scanner.stdout is None:
            raise TypeError("the scanner has no pipes")
        try:
            self.scanner.stdin.write(b"%d\n" % len(script) + script)
            self.scanner.stdin.flush()
            answer = self.scanner.stdout.readline()
        except BrokenPipeError:
            answer = b""
        # Without an answer, the system stopped it.
        return [(kind, line, words) for kind, line, words in json.loads(answer or b'[["unbearable", 1, ""]]')]


def _text_of(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _json_facts(text: str) -> Iterator[Fact]:
    try:
        waiting = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, str) and server_of(value) is not None:
            yield "link", 1, value[:500]


@contextmanager
def _reader() -> Iterator[_Reader]:
    # Without the environment: nothing of the service's settings goes to a process that reads others' bytes.
    command = [sys.executable, "-I", "-c", _START, str(_ROOT), *permissions_by_use()]
    with subprocess.Popen(  # noqa: S603 - our own file
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
    ) as process:
        try:
            yield _Reader(process, Elements())
        finally:
            process.kill()

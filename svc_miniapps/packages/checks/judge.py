"""What the facts of a package's scripts, pages and styles mean for its app."""

import json
from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path
from typing import Any

from svc_miniapps.packages.checks.addresses import server_of
from svc_miniapps.packages.checks.findings import Finding
from svc_miniapps.packages.checks.loads import KINDS, SOMEWHERE, check_load
from svc_miniapps.packages.checks.manifest import Expected

NO_SERVER = frozenset({"www.w3.org"})
"""Names of vocabularies, which nothing is fetched from."""
_SAFE = frozenset({"", "https", "wss"})
"""How a registered server may be reached; its page is on https too."""


class Judge:
    def __init__(
        self, manifest: dict[str, Any], expected: Expected, used: set[str], paths: Collection[str] = frozenset()
    ) -> None:
        self.domains, self.used, self._paths = expected.domains, used, paths
        self.declared = {each["name"] for each in manifest.get("req_permissions", ())}
        self._said = set[tuple[str, str]]()

    def findings(self, path: str, fact: tuple[str, int, str]) -> Iterator[Finding]:
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
        elif kind.removeprefix(SOMEWHERE) in KINDS and self._is_first(path, f"{kind} {words}"):
            yield from check_load(self._paths, path, kind, line, words)

    def _address(self, path: str, line: int, address: str) -> Iterator[Finding]:
        server = server_of(address)
        if server is None or self.domains is None or (server.host in NO_SERVER and not server.port):
            return
        is_safe = server.scheme in _SAFE and not server.port
        if is_safe and (entry := entry_for(server.host, self.domains)):
            self.used.add(entry)
            return
        named = server.host if is_safe and server.host else str(server)
        if self._is_first(path, named):
            yield Finding("domain_not_allowed", path, {"line": line, "domain": named})

    def _use(self, path: str, line: int, use: str) -> Iterator[Finding]:
        permission = permissions_by_use()[use]
        if permission not in self.declared and self._is_first(path, permission):
            yield Finding("permission_not_declared", path, {"line": line, "use": use, "permission": permission})

    def _is_first(self, path: str, what: str) -> bool:
        """Each server, each permission and each file is named once for a file."""
        is_first = (path, what) not in self._said
        self._said.add((path, what))
        return is_first


def entry_for(host: str, allowed: AbstractSet[str]) -> str | None:
    """The entry of an allow-list that includes a host: the host itself, or a wildcard above it."""
    above = host.removeprefix("*.").split(".")
    wildcards = (f"*.{'.'.join(above[place:])}" for place in range(1, len(above)))
    return next((entry for entry in (host, *wildcards) if entry in allowed), None)


@cache
def permissions_by_use() -> dict[str, str]:
    """The permission that each part of the runtime needs."""
    table: dict[str, list[str]] = json.loads(Path(__file__).with_name("permissions.json").read_text("utf-8"))
    return {use: name for name, uses in table.items() for use in uses}

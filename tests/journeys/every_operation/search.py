"""Cases for every operation, sent as every caller, and what was wrong with the answers."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from requests.exceptions import InvalidHeader
from schemathesis import Case
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Err, Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from contracts.documents import FOLDER, SERVICES
from deploy.local.plan import PORT_OFFSETS
from deploy.local.platform import Addresses
from tests.journeys.every_operation.callers import Headers, callers

Say = Callable[[str], None]
_CHECKS = [
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
_REFUSED = 400
_SERVER_ERROR = 500
_PATIENCE_SECONDS = 60
_EXAMPLES_OF_AN_ID = 20
_BINARY = ("application/partial-upload", "application/miniapp-pkg+zip")


@schemathesis.serializer(*_BINARY)
def _as_it_is(_context: Any, value: Any) -> bytes:  # noqa: ANN401 - the shape of the library
    return value if isinstance(value, bytes) else str(value).encode()


@dataclass
class Search:
    """Calls operations directly at their services, behind the gateway, which would refuse a part of it."""

    urls: Mapping[str, str]
    """Of each service."""
    callers: Mapping[str, Headers]
    examples: int
    """Cases for one operation with input that fits, and as many with input that does not."""
    derandomized: bool
    known: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """What exists, by the name that the contracts give its id: `payment_id` -> ids."""
    statuses: Counter[int] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    """By caller."""
    connection: requests.Session = field(default_factory=requests.Session)
    faults: dict[tuple[str, str, str], str] = field(default_factory=dict)
    """By operation, caller and kind: the request and the answer, of the first case."""

    def run(self, say: Say) -> None:
        """Look for what exists, then call everything; `say` hears of each service."""
        for service in SERVICES:
            self._look_around(service)
        for service in SERVICES:
            operations = list(_operations(service))
            for operation in operations:
                self._call(service, operation)
            say(f"{service}: {len(operations)} operations, {self.statuses.total():,} calls until now")

    def _look_around(self, service: str) -> None:
        lists = [each for each in _operations(service) if each.method == "get" and "{" not in each.path]
        for headers in self.callers.values():
            for operation in lists:
                answer = httpx.get(f"{self.urls[service]}{operation.path}", headers=headers)
                if answer.is_success and "json" in answer.headers.get("content-type", ""):
                    self._note(answer.json())

    def _note(self, content: object) -> None:
        """Remember each text in an answer under the name that it has there."""
        if isinstance(content, list):
            for each in content:
                self._note(each)
        elif isinstance(content, dict):
            for name, value in content.items():
                kept = self.known[name]
                if isinstance(value, str) and value not in kept and len(kept) < _EXAMPLES_OF_AN_ID:
                    kept.append(value)
                self._note(value)

    def _call(self, service: str, operation: APIOperation[Any, Any, Any, Any]) -> None:
        for mode in GenerationMode:
            search = settings(
                max_examples=self.examples,
                deadline=None,
                database=None,
                derandomize=self.derandomized,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )

            def send(case: Case[Any], data: st.DataObject) -> None:
                if case.meta and case.meta.generation.mode == GenerationMode.POSITIVE:
                    self._name_what_exists(case, data)
                for caller, headers in self.callers.items():
                    self._send(service, operation, case, caller, headers)

            try:
                search(given(operation.as_strategy(generation_mode=mode), st.data())(send))()
            except Unsatisfiable:  # it takes no input that could be wrong
                continue

    def _name_what_exists(self, case: Case[Any], data: st.DataObject) -> None:
        for place in (case.path_parameters, case.query, case.body):
            self._name_in(place, data)

    def _name_in(self, content: object, data: st.DataObject) -> None:
        if not isinstance(content, dict):
            return
        for name, value in content.items():
            singular = name.removesuffix("s")
            if isinstance(value, str) and self.known.get(name) and data.draw(st.integers(0, 3)):
                content[name] = data.draw(st.sampled_from(self.known[name]))
            elif isinstance(value, list) and self.known.get(singular) and data.draw(st.integers(0, 3)):
                content[name] = [data.draw(st.sampled_from(self.known[singular]))]
            else:
                self._name_in(value, data)

    def _send(
        self, service: str, operation: APIOperation[Any, Any, Any, Any], case: Case[Any], caller: str, headers: Headers
    ) -> None:
        try:
            self.connection.cookies.clear()
            answer = case.call(self.urls[service], self.connection, headers=dict(headers), timeout=_PATIENCE_SECONDS)
        except InvalidHeader:  # the HTTP client does not send it
            return
        self.statuses[answer.status_code] += 1
        self.succeeded[caller] += answer.status_code < _REFUSED
        shown = f"{case.as_curl_command()[:1_000]}\n    {answer.status_code} {answer.content[:500]!r}"
        if answer.status_code >= _SERVER_ERROR:
            self.faults.setdefault((operation.label, caller, str(answer.status_code)), shown)
            return
        try:
            case.validate_response(answer, checks=[*_CHECKS])
        except FailureGroup as failures:
            for failure in failures.exceptions:
                kind = type(failure).__name__
                self.faults.setdefault((operation.label, caller, kind), f"{failure}\n    {shown}")

    def report(self) -> str:
        """The faults, with the request of each."""
        return "\n\n".join(f"{' | '.join(where)}\n    {what}" for where, what in self.faults.items())


def _operations(service: str) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    schema = schemathesis.openapi.from_path(FOLDER / "openapi" / f"{service}.v1.json")
    for operation in schema.get_all_operations():
        match operation:
            case Ok():
                yield operation.ok()
            case Err():
                raise operation.err()


def searched(platform: Addresses, data: Path, examples: int, say: Say, *, derandomized: bool = False) -> Search:
    """Search a running platform, whose data folder this is."""
    first_port = urlsplit(platform.public_url).port or 0
    urls = {service: f"http://127.0.0.1:{first_port + PORT_OFFSETS[f'svc_{service}']}" for service in SERVICES}
    with TemporaryDirectory(prefix="myili-companies-") as folder, callers(platform, data, Path(folder)) as who:
        search = Search(urls, who, examples, derandomized)
        with search.connection:
            search.run(say)
    return search

"""Every request that a guide shows, sent as it is shown to a running platform, in both languages."""

import asyncio
import contextlib
import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from deploy.local.platform import Addresses, local_platform
from deploy.local.programs import free_port
from tests.guides.contracts import of_companies
from tests.guides.markdown import LANGUAGES, NAMES, requests_mentioned, text_of
from tests.guides.reader import at_a_terminal
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import STAFF_CONSOLE, Person
from tests.journeys.demo.stage import operators_of

# Which guides are followed in one terminal, one after the other. Each guide is also begun in a terminal of its own but
# for the providers' ones, from which the others take a company: once as it was left there, once by `follow`.
TERMINALS = {
    "en": (("providers",), ("app-developers", "counters-and-books", "county-teams", "residents-apps", "clerks")),
    "zh": (("county-teams", "providers", "app-developers", "counters-and-books", "clerks", "residents-apps"),),
}


# What a reader needs beside Python, `make` and the usual tools of a shell.
MISSING = [tool for tool in ("bash", "curl", "openssl", "iconv") if shutil.which(tool) is None]


Pair = tuple[Person, Person]


def more_operators(platform: Addresses, readers: int) -> list[Pair]:
    """Two operators for each reader: people who sign in at once with one phone get each other's codes."""
    with contextlib.ExitStack() as stack:
        first, second = operators_of(platform)
        for operator in (first, second):
            stack.callback(operator.close)
            operator.sign_in_proofed()
        organisation = first.call("GET", "/identity/v1/organisations").json()["items"][0]["organisation_id"]
        grant = {"action": "grant", "organisation_id": organisation, "role": "operator", "reason": "reads the guides"}
        more = [
            Person(platform.public_url, platform.sms_url, sample_codes.phone(), STAFF_CONSOLE)
            for _ in range(2 * readers)
        ]
        for person in more:
            stack.callback(person.close)
            asked = {"phone": person.phone, "reason": "reads the guides"}
            issued = first.call("POST", "/identity/v1/enrolment-codes", json=asked).raise_for_status()
            person.enrolment_code = issued.json()["enrolment_code"]
            person.sign_in_proofed()
            proposed = first.call("POST", "/identity/v1/role-changes", json={**grant, "phone": person.phone})
            path = f"/identity/v1/role-changes/{proposed.raise_for_status().json()['role_change_id']}/approve"
            second.call("POST", path).raise_for_status()
    return list(zip(more[::2], more[1::2], strict=True))


def announce(folder: Path, operators: Pair) -> None:
    """What a platform that runs on the default data folder leaves there."""
    announcement = folder / "var/local/platform.json"
    announcement.parent.mkdir(parents=True)
    addresses: dict[str, str] = {}
    for name, person in zip(("operator", "second_operator"), operators, strict=True):
        assert person.authenticator
        addresses |= {f"{name}_phone": person.phone, f"{name}_authenticator": person.authenticator.secret}
    announcement.write_text(json.dumps({"addresses": addresses}), "utf-8")


def follow(data: Path, platform: Addresses, language: str, operators: Pair) -> set[tuple[str, str]]:
    executed: set[tuple[str, str]] = set()
    for guides in TERMINALS[language]:
        environment = {
            "GATEWAY": platform.public_url,
            "SMS": platform.sms_url,
            "FACES": platform.faces_url,
            "COMPANY_PORT": str(free_port()),
            "OTHER_COMPANY_PORT": str(free_port()),
            "MYILI_DATA": str(data),
        }
        with TemporaryDirectory(prefix="myili-reader-") as folder, at_a_terminal(Path(folder), environment) as reader:
            announce(Path(folder), operators)
            for guide in guides:
                reader.follow(guide, language)
            executed |= reader.executed
    return executed


@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(MISSING) and "CI" not in os.environ, reason=f"following the guides needs {MISSING}")
async def test_every_request_shown_is_answered_as_shown() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-guides-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            operators = more_operators(platform, len(LANGUAGES))
            readers = [
                asyncio.to_thread(follow, Path(data), platform, language, pair)
                for language, pair in zip(LANGUAGES, operators, strict=True)
            ]
            executed = await asyncio.gather(*readers, return_exceptions=True)
    failures = [each for each in executed if isinstance(each, BaseException)]
    assert not failures, "\n\n".join(str(each) for each in failures)
    for language, sent in zip(LANGUAGES, executed, strict=True):
        assert not isinstance(sent, BaseException)
        mentioned = set[tuple[str, str]]().union(*(requests_mentioned(text_of(name, language)) for name in NAMES))
        assert mentioned - sent - of_companies() == set(), f"mentioned and never sent ({language})"

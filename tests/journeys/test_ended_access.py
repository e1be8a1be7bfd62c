"""On a running platform, through the gateway: what ends at identity is refused by every service within five seconds."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
import pytest_asyncio

from deploy.local.platform import LocalPlatform, local_platform
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import STAFF_CONSOLE, Person
from tests.journeys.demo.stage import operators_of
from tests.svc_identity.app_client import AppClient
from tests.svc_identity.oauth.acting.scene import ME, Actor, Firm

WITHIN = 5.0
OF_RESIDENTS = ("/identity/v1/me", "/services/v1/account-bindings", "/payments/v1/bills", "/miniapps/v1/apps")
OF_STAFF = ("/identity/v1/role-changes", "/services/v1/provider-changes", "/miniapps/v1/apps")


@pytest_asyncio.fixture(scope="module")
async def platform() -> AsyncIterator[LocalPlatform]:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-ended-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            yield platform


def statuses(caller: Person, paths: tuple[str, ...]) -> list[int]:
    return [caller.call("GET", path).status_code for path in paths]


def seconds_until_refused(caller: Person, paths: tuple[str, ...], act: Callable[[], httpx.Response]) -> float:
    """How long after an act each of these services refuses the caller's token, all of which took it before.

    Some answer 403: they have taken the token, and the caller lacks a role.
    """
    assert 401 not in statuses(caller, paths)
    assert act().is_success
    begun = time.monotonic()
    while set(statuses(caller, paths)) != {401}:
        assert time.monotonic() - begun < WITHIN, statuses(caller, paths)
        time.sleep(0.05)
    refused = caller.call("GET", paths[-1])
    assert refused.json()["code"] == "token_invalid"
    assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    return time.monotonic() - begun


@pytest.mark.timeout(300)
async def test_what_ends_at_identity_is_refused_by_every_service_within_five_seconds(platform: LocalPlatform) -> None:
    measured = await asyncio.to_thread(_measured, platform)
    print(measured)
    assert max(measured.values()) < WITHIN


@pytest.mark.timeout(300)
async def test_a_withdrawn_mandate_is_refused_by_every_service_within_five_seconds(platform: LocalPlatform) -> None:
    fresh = {"Connection": "close"}  # one that rests may be closed by the server as the next request leaves
    sms = httpx.AsyncClient(base_url=platform.sms_url, headers=fresh)
    apis = [httpx.AsyncClient(base_url=platform.public_url, headers=fresh) for _ in range(2)]
    async with contextlib.AsyncExitStack() as open_ones:
        for client in (sms, *apis):
            await open_ones.enter_async_context(client)
        boss, agent = [
            await Actor(AppClient(api, sms), name).proofed() for api, name in zip(apis, ("张三", "王五"), strict=True)
        ]
        firm = await Firm(boss, platform).claimed_by(boss)
        measured = [await seconds_until_withdrawn(boss, agent, firm)]
        while measured[-1] > WITHIN and len(measured) < 3:  # other tests were busy beside it
            measured.append(await seconds_until_withdrawn(boss, agent, firm))
        print(measured)
        assert measured[-1] < WITHIN


async def seconds_until_withdrawn(boss: Actor, agent: Actor, firm: Firm) -> float:
    """How long after the withdrawal of a new mandate every service refuses the agent's token."""
    mandate = await firm.mandate(agent)
    token = (await agent.acting(firm.id))["access_token"]
    begun = time.monotonic()
    # Taken: it lacks a scope, or the body is empty. The app's resumption after another test may be late.
    while await refusals(agent, token) != {403, 422}:
        assert time.monotonic() - begun < 10 * WITHIN
    withdrawn = await boss.call("POST", f"{ME}/mandates/{mandate['mandate_id']}/withdraw")
    assert withdrawn.status_code == 200, withdrawn.text
    begun = time.monotonic()
    while await refusals(agent, token) != {401}:
        assert time.monotonic() - begun < 10 * WITHIN
    return time.monotonic() - begun


async def refusals(agent: Actor, token: str) -> set[int]:
    """How the services answer an agent who acts for an organisation."""
    paths = ("/identity/v1/me", "/payments/v1/bills", "/miniapps/v1/apps")
    answers = [await agent.call("GET", path, token=token) for path in paths]
    answers.append(await agent.call("POST", "/services/v1/provider-applications", token=token, json={}))
    return {answer.status_code for answer in answers}


def _measured(platform: LocalPlatform) -> dict[str, float]:
    with contextlib.ExitStack() as open_ones:

        def signed_in(person: Person | None = None) -> Person:
            person = person or Person(platform.public_url, platform.sms_url, sample_codes.phone())
            open_ones.callback(person.close)
            person.sign_in_proofed()
            return person

        operator, second = (signed_in(each) for each in operators_of(platform))
        out, held, of_app = signed_in(), signed_in(), signed_in()
        staff = signed_in(_enrolled(platform, operator))
        _appoint(operator, second, staff)

        def suspend(**subject: str) -> httpx.Response:
            return operator.call("POST", "/identity/v1/suspensions", json={"reason": "a test", **subject})

        measured = {
            "sign-out": seconds_until_refused(out, OF_RESIDENTS, out.sign_out),
            "person": seconds_until_refused(held, OF_RESIDENTS, lambda: suspend(subject="phone", phone=held.phone)),
            "staff": seconds_until_refused(staff, OF_STAFF, lambda: suspend(subject="phone", phone=staff.phone)),
            "app": seconds_until_refused(
                of_app, OF_RESIDENTS, lambda: suspend(subject="client", client_id="myili-app")
            ),
        }
        suspensions = operator.call("GET", "/identity/v1/suspensions").json()["items"]
        (suspended,) = (each["suspension_id"] for each in suspensions if each["client_id"] == "myili-app")
        lifted = second.call("POST", f"/identity/v1/suspensions/{suspended}/lift", json={"reason": "the test goes on"})
        assert lifted.status_code == 200, lifted.text  # other tests sign in on this platform
        return measured


def _enrolled(platform: LocalPlatform, operator: Person) -> Person:
    """Somebody who may set up a second factor for the staff console."""
    person = Person(platform.public_url, platform.sms_url, sample_codes.phone(), STAFF_CONSOLE)
    asked = {"phone": person.phone, "reason": "new member of staff"}
    issued = operator.call("POST", "/identity/v1/enrolment-codes", json=asked)
    person.enrolment_code = issued.json()["enrolment_code"]
    return person


def _appoint(operator: Person, second: Person, person: Person) -> None:
    """Make a person operator too: two are needed besides one who is suspended."""
    (platform,) = operator.call("GET", "/identity/v1/organisations").json()["items"][:1]
    grant = {"action": "grant", "phone": person.phone, "role": "operator", "reason": "joins"}
    grant["organisation_id"] = platform["organisation_id"]
    change = operator.call("POST", "/identity/v1/role-changes", json=grant).json()["role_change_id"]
    assert second.call("POST", f"/identity/v1/role-changes/{change}/approve").is_success
    person.refresh()

"""On a running platform, through the gateway: from the representative's claim to an admin who stops a leaked key."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from deploy.local.platform import LocalPlatform, local_platform
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import STAFF_CONSOLE, Person
from tests.journeys.demo.company_systems import CompanySystem, new_key
from tests.journeys.demo.stage import operators_of
from tests.svc_services.companies import application
from tests.svc_services.providers.connections.companies import public

WITHIN = 5.0
NAME = "测试人员"
OWN = "/services/v1/me/providers"
Json = dict[str, Any]


def within(look: Callable[[], Any], *, seconds: float = WITHIN) -> float:
    """How many seconds it takes until something is true."""
    begun = time.monotonic()
    while not look():
        assert time.monotonic() - begun < seconds
        time.sleep(0.05)
    return time.monotonic() - begun


def taken(answer: httpx.Response) -> Json:
    assert answer.is_success, answer.text
    content: Json = answer.json()
    return content


@dataclass
class People:
    """Those who take part, each signed in to their own app."""

    platform: LocalPlatform
    operator: Person
    second: Person
    boss: Person
    admin: Person

    @classmethod
    @contextlib.contextmanager
    def of(cls, platform: LocalPlatform) -> Iterator["People"]:
        with contextlib.ExitStack() as open_ones:
            where = (platform.public_url, platform.sms_url)
            operator, second = operators_of(platform)
            boss = Person(*where, sample_codes.phone())
            admin = Person(*where, sample_codes.phone(), STAFF_CONSOLE)
            for person in (operator, second, boss, admin):
                open_ones.callback(person.close)
            operator.sign_in_proofed()
            second.sign_in_proofed()
            asked = {"phone": admin.phone, "reason": "admin of a company"}
            issued = taken(operator.call("POST", "/identity/v1/enrolment-codes", json=asked))
            admin.enrolment_code = issued["enrolment_code"]
            admin.sign_in_proofed()
            yield cls(platform, operator, second, boss, admin)

    def claim(self, uscc: str) -> str:
        """The boss proves who they are and claims their company."""
        number = sample_codes.id_number()
        self.boss.sign_in()
        taken(self.boss.call("POST", "/identity/v1/me/proofing", json=self.boss.proof(NAME, number)))
        self.boss.refresh()
        officer = {"uscc": uscc, "name": NAME, "id_number": number}
        httpx.post(f"{self.platform.registries_url}/legal-entities/appoint", json=officer).raise_for_status()
        claimed = taken(self.boss.call("POST", "/identity/v1/me/organisations", json={"uscc": uscc}))
        return str(claimed["organisation_id"])

    def connect(self, uscc: str, key: ECKey) -> CompanySystem:
        """The boss applies in the company's name, and an operator approves."""
        wanted = application(uscc=uscc, jwks={"keys": [public(key)]})
        filed: list[httpx.Response] = []

        def apply() -> bool:  # svc_services hears of the claim by an event
            filed.append(self.boss.call("POST", "/services/v1/provider-applications", json=wanted))
            return filed[-1].is_success

        within(apply)
        application_id = filed[-1].json()["application_id"]
        taken(self.operator.call("POST", f"/services/v1/provider-applications/{application_id}/approve"))
        return CompanySystem(self.platform.public_url, application_id, key, filed[-1].json()["application_token"])

    def make_admin(self, represented_id: str) -> Json:
        """The boss proposes the admin, and an operator approves."""
        path = f"/identity/v1/me/organisations/{represented_id}/provider-admins"
        asked = {"phone": self.admin.phone, "reason": "runs our connection"}
        proposed: list[httpx.Response] = []

        def propose() -> bool:  # svc_identity hears of the approval by an event
            proposed.append(self.boss.call("POST", path, json=asked))
            return proposed[-1].is_success

        within(propose)
        change = proposed[-1].json()["role_change_id"]
        granted = taken(self.operator.call("POST", f"/identity/v1/role-changes/{change}/approve"))
        self.admin.refresh()
        return granted


@pytest.mark.timeout(300)
async def test_an_admin_of_the_company_stops_a_leaked_key_within_five_seconds() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-company-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            await asyncio.to_thread(_stop_a_leaked_key, platform)


def _stop_a_leaked_key(platform: LocalPlatform) -> None:
    uscc, leaked, fresh = sample_codes.uscc(), new_key(), new_key()
    with People.of(platform) as people:
        represented_id = people.claim(uscc)
        system = people.connect(uscc, leaked)
        granted = people.make_admin(represented_id)
        admin, path = people.admin, f"{OWN}/{system.provider_id}"
        within(lambda: admin.call("GET", path).is_success)
        within(lambda: system.token(leaked))
        token = system.token(leaked)
        assert token is not None
        added = {"action": "add_key", "key": public(fresh), "reason": "a key has leaked"}
        assert taken(admin.call("POST", f"{path}/changes", json=added))["admin_id"] == granted["person_id"]
        within(lambda: system.token(fresh))  # both are good: nothing stands still
        assert system.request_token(leaked).is_success
        ended = {"action": "end_key", "kid": leaked.kid, "reason": "a key has leaked"}
        taken(admin.call("POST", f"{path}/changes", json=ended))
        measured = {
            "no token": within(lambda: system.request_token(leaked).json().get("error") == "invalid_client"),
            "refused": within(
                lambda: system.call(token, "GET", "/payments/v1/bills").status_code == httpx.codes.UNAUTHORIZED
            ),
        }
        print(measured)
        assert system.token(fresh) is not None
        removal = {"action": "removal", "organisation_id": granted["organisation_id"], "reason": "leaves the company"}
        removal["membership_id"] = granted["membership_id"]
        change = taken(people.operator.call("POST", "/identity/v1/role-changes", json=removal))["role_change_id"]
        taken(people.second.call("POST", f"/identity/v1/role-changes/{change}/approve"))
        within(lambda: admin.call("GET", path).status_code == httpx.codes.FORBIDDEN)

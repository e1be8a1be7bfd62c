"""On a running platform, through the gateway: six companies asked with one form, one of which refuses.

The worker is killed while the last day is agreed on and a branch ends, the reference provider while the fee is paid.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.platform import LocalPlatform, local_platform
from deploy.local.programs import free_port
from kit.calendar import today, working_day_after
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.company_systems import CompanySystem, new_key
from tests.journeys.demo.stage import operators_of
from tests.journeys.test_application_fee import CASES, DIVISION, FORM, RECEIVED, Json, pay_at_cashier, taken, within
from tests.svc_services.companies import account_number, application
from tests.svc_services.providers.connections.companies import public

KINDS = ("water", "electricity", "gas", "heating", "telecom", "cable_tv")
JOINT, RECEIVED_JOINT = "/services/v1/joint-applications", "/services/v1/received-joint-applications"
EARLY, LATE = (f"{working_day_after(today(), days)}" for days in (14, 15))
FEE_FEN = 120_000


@dataclass
class Journey:
    platform: LocalPlatform
    resident: Person
    systems: list[CompanySystem]
    """In the order of the branches; the first one's own server runs."""
    serving: list[str]
    server: subprocess.Popen[bytes]

    @classmethod
    @contextlib.contextmanager
    def on(cls, platform: LocalPlatform, folder: Path) -> Iterator["Journey"]:
        port = free_port()
        operator, second = operators_of(platform)
        resident = Person(platform.public_url, platform.sms_url, sample_codes.phone())
        with contextlib.ExitStack() as stack:
            for person in (operator, second, resident):
                stack.callback(person.close)
            operator.sign_in_proofed()
            resident.sign_in_proofed()
            systems = [_connected(platform, operator, kind, port) for kind in KINDS]
            serving = [sys.executable, "-m", "contracts.reference_provider", "serve", "--accounts", "10"]
            serving += ["--state", str(folder / "company"), "--platform", platform.public_url, "--port", str(port)]
            serving += ["--provider-id", systems[0].provider_id]
            journey = cls(platform, resident, systems, serving, subprocess.Popen(serving))  # noqa: S603 - our own
            stack.callback(journey.stop_server)
            for system in systems:
                within(partial(system.token, system.key))
            yield journey

    def stop_server(self) -> None:
        self.server.kill()
        self.server.wait()

    def start_server(self) -> None:
        self.server = subprocess.Popen(self.serving)  # noqa: S603 - our own command line

    def joint(self, joint_id: str) -> Json:
        return taken(self.resident.call("GET", f"{JOINT}/{joint_id}"))

    def case(self, joint_id: str, position: int) -> Json:
        case: Json = self.joint(joint_id)["branches"][position - 1]["application"]
        return case

    def is_in(self, state: str, joint_id: str, position: int) -> bool:
        return bool(self.case(joint_id, position)["state"] == state)

    def company_calls(self, position: int, method: str, path: str, body: Json, **headers: str) -> Json:
        system = self.systems[position - 1]
        headers |= {"Authorization": f"Bearer {system.token(system.key)}", "Idempotency-Key": str(uuid4())}
        return taken(httpx.request(method, f"{self.platform.public_url}{path}", json=body, headers=headers))

    def company_acts(self, joint_id: str, position: int, action: str, **parts: Any) -> None:  # noqa: ANN401 - JSON
        case = self.case(joint_id, position)
        path, tag = f"{RECEIVED}/{case['application_id']}/actions", f'"{case["version"]}"'
        self.company_calls(position, "POST", path, {"action": action, **parts}, **{"If-Match": tag})

    def filed(self) -> str:
        branches = [{"provider_id": each.provider_id, "kind": "new_connection"} for each in self.systems]
        wanted = {"division_code": DIVISION, "branches": branches, "form": {"shared": {}}}
        draft = taken(self.resident.call("POST", JOINT, json=wanted))
        path = f"{JOINT}/{draft['joint_application_id']}"
        filled = wanted | {"form": {"shared": FORM}}
        saved = taken(self.resident.call("PUT", path, json=filled, headers={"If-Match": f'"{draft["version"]}"'}))
        joint = taken(self.resident.call("POST", f"{path}/submit", headers={"If-Match": f'"{saved["version"]}"'}))
        assert [each["application"]["form"] for each in joint["branches"]] == [FORM] * 6
        taken(self.resident.call("POST", f"{path}/survey-days", json={"days": [LATE, EARLY]}))
        return str(joint["joint_application_id"])


def _connected(platform: LocalPlatform, operator: Person, kind: str, port: int) -> CompanySystem:
    key = new_key()
    wanted = application(
        uscc=sample_codes.uscc(),
        kind=kind,
        jwks={"keys": [public(key)]},
        division_codes=[DIVISION],
        endpoint_url=f"http://127.0.0.1:{port}",
    )
    applied = f"{platform.public_url}/services/v1/provider-applications"
    filed = taken(httpx.post(applied, json=wanted, headers={"Idempotency-Key": str(uuid4())}))
    path = f"/services/v1/provider-applications/{filed['application_id']}/approve"
    provider_id = taken(operator.call("POST", path))["provider_id"]
    return CompanySystem(platform.public_url, provider_id, key, filed["application_token"])


@pytest.mark.timeout(500)
async def test_six_companies_are_asked_with_one_form_and_one_of_them_refuses() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-joint-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            with Journey.on(platform, Path(data)) as journey:
                joint_id = await asyncio.to_thread(journey.filed)
                await _agree_on_a_day(platform, journey, joint_id)
                await asyncio.to_thread(_quote, journey, joint_id)
                await asyncio.to_thread(_pay_while_the_company_is_away, journey, joint_id)
                await asyncio.to_thread(_activate, journey, joint_id)


async def _agree_on_a_day(platform: LocalPlatform, journey: Journey, joint_id: str) -> None:
    await platform.kill("svc_services.worker")
    await asyncio.to_thread(journey.company_acts, joint_id, 6, "refuse", reason="no line in the street")
    for position in range(1, 6):
        await asyncio.to_thread(journey.company_acts, joint_id, position, "accept")
        answer = {"days": [LATE] if position == 5 else [EARLY, LATE]}
        path = f"{RECEIVED_JOINT}/{joint_id}/survey-answer"
        await asyncio.to_thread(journey.company_calls, position, "PUT", path, answer)
    await platform.start("svc_services.worker")
    for position in range(1, 6):
        await asyncio.to_thread(within, partial(journey.is_in, "survey_appointed", joint_id, position))
    joint = journey.joint(joint_id)
    assert (joint["status"], joint["survey"]["agreed_on"], joint["promised_on"] is None) == ("open", LATE, False)


def _quote(journey: Journey, joint_id: str) -> None:
    for position in range(1, 6):
        journey.company_acts(joint_id, position, "survey")
        journey.company_acts(joint_id, position, "quote", amount_fen=FEE_FEN if position == 1 else 0)
        case = journey.case(joint_id, position)
        headers = {"If-Match": f'"{case["version"]}"'}
        path = f"{CASES}/{case['application_id']}/actions"
        taken(journey.resident.call("POST", path, json={"action": "agree"}, headers=headers))
    joint = journey.joint(joint_id)
    assert (joint["fees_due_fen"], joint["promised_on"]) == (FEE_FEN, None)


def _pay_while_the_company_is_away(journey: Journey, joint_id: str) -> None:
    bill_id = journey.case(joint_id, 1)["fee"]["bill_id"]
    within(lambda: journey.resident.call("GET", f"/payments/v1/bills/{bill_id}").is_success)
    wanted = {"bill_ids": [bill_id], "channel": "sandbox"}
    payment_id = taken(journey.resident.call("POST", "/payments/v1/payments", json=wanted))["payment_id"]
    pay_url = taken(journey.resident.call("POST", f"/payments/v1/payments/{payment_id}/confirm"))["pay_url"]
    journey.stop_server()
    pay_at_cashier(pay_url)
    assert journey.case(joint_id, 1)["state"] == "payment"
    journey.start_server()
    within(partial(journey.is_in, "construction", joint_id, 1))


def _activate(journey: Journey, joint_id: str) -> None:
    numbers = {position: account_number(123_456_000 + position) for position in range(1, 6)}
    for position, number in numbers.items():
        assert journey.joint(joint_id)["result"] is None
        for action, parts in (("construct", {}), ("inspect", {}), ("activate", {"account_number": number})):
            journey.company_acts(joint_id, position, action, **parts)
    joint = within(lambda: (seen := journey.joint(joint_id))["status"] == "ended" and seen)
    states = [each["state"] for each in joint["result"]["branches"]]
    assert (joint["result"]["edition"], states) == (1, ["completed"] * 5 + ["refused"])
    assert all(each["result"]["ug"] for each in joint["result"]["branches"])
    bindings = taken(journey.resident.call("GET", "/services/v1/account-bindings"))["items"]
    assert sorted(each["account_number"] for each in bindings) == sorted(numbers.values())

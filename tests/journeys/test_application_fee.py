"""On a running platform, through the gateway: a connection from draft to bound account, its fee paid on the way.

Workers and the company's server are killed while the payment is open, and the money is where it belongs.
"""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local.platform import LocalPlatform, local_platform
from deploy.local.programs import free_port
from kit.calendar import today
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.company_systems import CompanySystem, new_key
from tests.journeys.demo.stage import operators_of
from tests.svc_services.companies import application
from tests.svc_services.providers.connections.companies import public

WITHIN = 60.0
DIVISION, NEW_ACCOUNT = "654002", "1234567897"
FORM = {"address": "解放西路1号", "phone": "13800000001", "purpose": "residential"}
CASES, RECEIVED = "/services/v1/applications", "/services/v1/received-applications"
WORKERS = ("svc_services.worker", "svc_payments.worker")
Json = dict[str, Any]


def within(look: Callable[[], Any]) -> Any:  # noqa: ANN401 - what is looked for
    """What is seen as soon as it is true."""
    begun = time.monotonic()
    while not (seen := look()):
        assert time.monotonic() - begun < WITHIN
        time.sleep(0.1)
    return seen


def taken(answer: httpx.Response) -> Json:
    assert answer.is_success, answer.text
    content: Json = answer.json()
    return content


def pay_at_cashier(pay_url: str) -> None:
    httpx.post(pay_url, json={"account": "wallet-of-the-journey"}).raise_for_status()


@dataclass
class Journey:
    platform: LocalPlatform
    resident: Person
    system: CompanySystem
    serving: list[str]
    server: subprocess.Popen[bytes]

    @classmethod
    @contextlib.contextmanager
    def on(cls, platform: LocalPlatform, folder: Path) -> Iterator["Journey"]:
        port, key = free_port(), new_key()
        operator, second = operators_of(platform)
        resident = Person(platform.public_url, platform.sms_url, sample_codes.phone())
        with contextlib.ExitStack() as stack:
            for person in (operator, second, resident):
                stack.callback(person.close)
            operator.sign_in_proofed()
            resident.sign_in_proofed()
            wanted = application(
                uscc=sample_codes.uscc(),
                jwks={"keys": [public(key)]},
                division_codes=[DIVISION],
                endpoint_url=f"http://127.0.0.1:{port}",
            )
            headers = {"Idempotency-Key": str(uuid4())}
            applied = f"{platform.public_url}/services/v1/provider-applications"
            filed = taken(httpx.post(applied, json=wanted, headers=headers))
            path = f"/services/v1/provider-applications/{filed['application_id']}/approve"
            provider_id = taken(operator.call("POST", path))["provider_id"]
            system = CompanySystem(platform.public_url, provider_id, key, filed["application_token"])
            serving = [
                sys.executable,
                "-m",
                "contracts.reference_provider",
                "serve",
                "--state",
                str(folder / "company"),
            ]
            serving += ["--platform", platform.public_url, "--port", str(port), "--provider-id", provider_id]
            serving += ["--accounts", "10"]
            journey = cls(platform, resident, system, serving, subprocess.Popen(serving))  # noqa: S603 - our own
            stack.callback(journey.stop_server)
            within(lambda: system.token(key))
            yield journey

    def stop_server(self) -> None:
        self.server.kill()
        self.server.wait()

    def start_server(self) -> None:
        self.server = subprocess.Popen(self.serving)  # noqa: S603 - our own command line

    def case(self, case_id: str) -> Json:
        return taken(self.resident.call("GET", f"{CASES}/{case_id}"))

    def act(self, case_id: str, action: str, **parts: Any) -> Json:  # noqa: ANN401 - JSON
        """A step of the resident."""
        headers = {"If-Match": f'"{self.case(case_id)["version"]}"'}
        body = {"action": action, **parts}
        return taken(self.resident.call("POST", f"{CASES}/{case_id}/actions", json=body, headers=headers))

    def company_acts(self, case_id: str, action: str, **parts: Any) -> Json:  # noqa: ANN401 - JSON
        token = self.system.token(self.system.key)
        headers = {
            "Authorization": f"Bearer {token}",
            "If-Match": f'"{self.case(case_id)["version"]}"',
            "Idempotency-Key": str(uuid4()),
        }
        url = f"{self.platform.public_url}{RECEIVED}/{case_id}/actions"
        return taken(httpx.post(url, json={"action": action, **parts}, headers=headers))

    def quoted(self) -> str:
        """A case whose quote waits for the resident."""
        wanted = {"provider_id": self.system.provider_id, "kind": "new_connection", "division_code": DIVISION}
        draft = taken(self.resident.call("POST", CASES, json={**wanted, "form": FORM}))
        case_id = str(draft["application_id"])
        taken(self.resident.call("POST", f"{CASES}/{case_id}/submit", headers={"If-Match": '"1"'}))
        self.company_acts(case_id, "accept")
        self.company_acts(case_id, "appoint_survey", appointment_on=f"{today() + timedelta(days=7)}")
        self.company_acts(case_id, "survey")
        self.company_acts(case_id, "quote", amount_fen=120_000)
        return case_id

    def payment_of(self, case_id: str) -> tuple[str, str]:
        """Begin and confirm the payment of a case's fee: its id, and where the wallet pays it."""
        bill_id = self.case(case_id)["fee"]["bill_id"]
        within(lambda: self.resident.call("GET", f"/payments/v1/bills/{bill_id}").is_success)
        wanted = {"bill_ids": [bill_id], "channel": "sandbox"}
        payment_id = taken(self.resident.call("POST", "/payments/v1/payments", json=wanted))["payment_id"]
        confirmed = taken(self.resident.call("POST", f"/payments/v1/payments/{payment_id}/confirm"))
        return payment_id, confirmed["pay_url"]

    def payment(self, payment_id: str) -> Json:
        return taken(self.resident.call("GET", f"/payments/v1/payments/{payment_id}"))

    def bindings(self) -> list[tuple[str, str]]:
        items = taken(self.resident.call("GET", "/services/v1/account-bindings"))["items"]
        return [(each["account_number"], each["status"]) for each in items]


@pytest.mark.timeout(400)
async def test_a_connection_is_paid_for_and_its_account_bound_although_everything_is_killed() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-fees-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            with Journey.on(platform, Path(data)) as journey:
                case_id = await asyncio.to_thread(journey.quoted)
                await _pay_through_kills(platform, journey, case_id)
                await asyncio.to_thread(_activate, journey, case_id)
                await asyncio.to_thread(_withdraw_while_paying, journey)


async def _pay_through_kills(platform: LocalPlatform, journey: Journey, case_id: str) -> None:
    await asyncio.to_thread(journey.act, case_id, "agree")
    payment_id, pay_url = await asyncio.to_thread(journey.payment_of, case_id)
    for worker in WORKERS:
        await platform.kill(worker)
    journey.stop_server()
    await asyncio.to_thread(pay_at_cashier, pay_url)
    assert journey.case(case_id)["state"] == "payment"
    await platform.start("svc_payments.worker")
    journey.start_server()
    await asyncio.to_thread(within, lambda: journey.payment(payment_id)["status"] == "completed")
    assert journey.case(case_id)["state"] == "payment"
    await platform.start("svc_services.worker")
    await asyncio.to_thread(within, lambda: journey.case(case_id)["state"] == "construction")
    steps = [(step["action"], step["actor"]) for step in journey.case(case_id)["steps"]]
    assert steps.count(("pay", "payment")) == 1


def _activate(journey: Journey, case_id: str) -> None:
    for action, parts in (("construct", {}), ("inspect", {}), ("activate", {"account_number": NEW_ACCOUNT})):
        case = journey.company_acts(case_id, action, **parts)
    assert (case["status"], case["account_number"]) == ("ended", NEW_ACCOUNT)
    assert journey.bindings() == [(NEW_ACCOUNT, "active")]

    def reminded() -> bool:  # svc_payments knows of the binding
        items = taken(journey.resident.call("GET", "/payments/v1/reminder-preferences"))["items"]
        return [each["account_number"] for each in items] == [NEW_ACCOUNT]

    within(reminded)


def _withdraw_while_paying(journey: Journey) -> None:
    case_id = journey.quoted()
    payment_id, pay_url = journey.payment_of(case_id)
    journey.act(case_id, "withdraw")
    pay_at_cashier(pay_url)
    paid = within(lambda: (seen := journey.payment(payment_id))["status"] == "refunded" and seen)
    assert paid["refunded_fen"] == 120_000
    within(lambda: journey.case(case_id)["fee"]["status"] == "refunded")
    assert journey.case(case_id)["state"] == "withdrawn"

"""On a running platform, through the gateway: every kind of application, from draft to its end, at all six utilities.

The company's own server, the reference provider, is killed while a case of it is open, and started again; so is the
worker of svc_services, once.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import httpx
import pytest

from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import account_holder, account_number
from deploy.local.platform import LocalPlatform, local_platform
from deploy.local.programs import free_port
from kit.calendar import today
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.company_systems import CompanySystem, new_key
from tests.journeys.demo.stage import operators_of
from tests.journeys.test_application_fee import CASES, DIVISION, RECEIVED, Json, taken, within
from tests.svc_services.companies import application
from tests.svc_services.providers.connections.companies import public

SEED = "journeys of all kinds"
UTILITIES = ("water", "electricity", "gas", "heating", "telecom", "cable_tv")
_TOOL = [sys.executable, "-m", "contracts.reference_provider", "serve"]
Parts = dict[str, Any]
Binding = dict[str, str]


@dataclass(frozen=True)
class Kind:
    """What an applicant sends, and what the company does until the case has ended."""

    utility: str
    name: str
    form: Parts
    by_company: Mapping[str, Parts]
    bound: bool = True
    ends_binding: bool = False


def _day(after: int = 0) -> str:
    return f"{today() + timedelta(days=after)}"


def kinds() -> list[Kind]:
    processed: dict[str, Parts] = {"accept": {}, "complete": {}}
    visited: dict[str, Parts] = {
        "accept": {},
        "appoint_survey": {"appointment_on": _day(3)},
        "complete": {"reason": "已修复"},
    }
    new_holder = {"new_holder_name": "李四", "new_holder_phone": "13800000002"}
    season = {"season": "2026-2027"}
    return [
        Kind("gas", "change", {"change": "更换联系电话"}, processed),
        Kind("telecom", "fault_report", {"address": "解放西路1号", "fault": "没有信号"}, visited),
        Kind("cable_tv", "suspension", {"from_day": _day(2)}, processed),
        Kind("cable_tv", "resumption", {"from_day": _day(9)}, processed),
        Kind("heating", "heating_stop", season, processed),
        Kind("heating", "heating_start", season, processed),
        Kind("heating", "temperature_visit", {"room": "卧室", "measured": 15}, visited),
        Kind("heating", "heating_rebate", {"from_day": _day(-3), "to_day": _day(-1)}, processed),
        Kind("water", "fault_report", {"address": "解放西路1号", "fault": "漏水"}, visited, bound=False),
        Kind("electricity", "transfer", new_holder, processed, ends_binding=True),
        Kind("water", "closure", {"last_day": _day()}, processed, ends_binding=True),
    ]


@dataclass
class UtilityCompany:
    """A connected company: its systems with their key, and its server as a process."""

    utility: str
    system: CompanySystem
    serving: list[str]
    server: subprocess.Popen[bytes]
    bindings: list[Binding] = field(default_factory=list)

    def restart(self) -> None:
        self.server = subprocess.Popen(self.serving)  # noqa: S603 - our own command line

    def kill(self) -> None:
        self.server.kill()
        self.server.wait()


@dataclass
class Town:
    """A resident who is a customer of six companies."""

    platform: LocalPlatform
    resident: Person
    companies: dict[str, UtilityCompany]

    @classmethod
    @contextlib.contextmanager
    def of(cls, platform: LocalPlatform, folder: Path) -> Iterator["Town"]:
        operator, second = operators_of(platform)
        resident = Person(platform.public_url, platform.sms_url, sample_codes.phone())
        with contextlib.ExitStack() as stack:
            for person in (operator, second, resident):
                stack.callback(person.close)
            operator.sign_in_proofed()
            resident.sign_in_proofed(account_holder(SEED, 0).holder_name)
            companies = {each: _connected(platform, operator, each, folder) for each in UTILITIES}
            for company in companies.values():
                stack.callback(company.kill)
            for company in companies.values():
                within(partial(company.system.token, company.system.key))
            yield cls(platform, resident, companies)

    def case(self, case_id: str) -> Json:
        return taken(self.resident.call("GET", f"{CASES}/{case_id}"))

    def file(self, kind: Kind, account: str | None) -> str:
        """Begin a draft, fill it in, and submit it."""
        wanted = {"provider_id": self.companies[kind.utility].system.provider_id, "kind": kind.name}
        wanted |= {"division_code": DIVISION} | ({"account_number": account} if account else {})
        draft = taken(self.resident.call("POST", CASES, json={**wanted, "form": {}}))
        case_id: str = draft["application_id"]
        saved = self.resident.call(
            "PUT", f"{CASES}/{case_id}/form", json={"form": kind.form}, headers={"If-Match": '"1"'}
        )
        taken(saved)
        taken(self.resident.call("POST", f"{CASES}/{case_id}/submit", headers={"If-Match": '"2"'}))
        return case_id

    def act(self, case_id: str, action: str, **parts: Any) -> Json:  # noqa: ANN401 - JSON
        """A step of the resident."""
        headers = {"If-Match": f'"{self.case(case_id)["version"]}"'}
        body = {"action": action, **parts}
        return taken(self.resident.call("POST", f"{CASES}/{case_id}/actions", json=body, headers=headers))

    def company_acts(self, utility: str, case_id: str, action: str, **parts: Any) -> Json:  # noqa: ANN401 - JSON
        system = self.companies[utility].system
        headers = {
            "Authorization": f"Bearer {system.token(system.key)}",
            "If-Match": f'"{self.case(case_id)["version"]}"',
            "Idempotency-Key": str(uuid4()),
        }
        url = f"{self.platform.public_url}{RECEIVED}/{case_id}/actions"
        return taken(httpx.post(url, json={"action": action, **parts}, headers=headers))

    def bind(self, utility: str) -> httpx.Response:
        attested = self.resident.call("POST", "/identity/v1/me/attestations", json={"purpose": "account_binding"})
        body = {
            "provider_id": self.companies[utility].system.provider_id,
            "account_number": account_number(SEED, 0, utility),
            "attestation": taken(attested)["attestation"],
        }
        return self.resident.call("POST", "/services/v1/account-bindings", json=body)

    def binding(self, utility: str, number: str) -> Json:
        items = taken(self.resident.call("GET", "/services/v1/account-bindings"))["items"]
        provider_id = self.companies[utility].system.provider_id
        (found,) = [each for each in items if (each["provider_id"], each["account_number"]) == (provider_id, number)]
        shown: Json = found
        return shown


def _connected(platform: LocalPlatform, operator: Person, utility: str, folder: Path) -> UtilityCompany:
    port, key = free_port(), new_key()
    wanted = application(
        uscc=sample_codes.uscc(),
        name=f"Sample {utility} company",
        kind=utility,
        jwks={"keys": [public(key)]},
        division_codes=[DIVISION],
        endpoint_url=f"http://127.0.0.1:{port}",
        customer_parameters=NUMBERINGS[utility].customer_parameters,
    )
    applied = f"{platform.public_url}/services/v1/provider-applications"
    filed = taken(httpx.post(applied, json=wanted, headers={"Idempotency-Key": str(uuid4())}))
    path = f"/services/v1/provider-applications/{filed['application_id']}/approve"
    provider_id = taken(operator.call("POST", path))["provider_id"]
    serving = [*_TOOL, "--state", str(folder / utility), "--platform", platform.public_url, "--port", str(port)]
    serving += ["--provider-id", provider_id, "--seed", SEED, "--kind", utility, "--accounts", "10"]
    system = CompanySystem(platform.public_url, provider_id, key, filed["application_token"])
    return UtilityCompany(utility, system, serving, subprocess.Popen(serving))  # noqa: S603 - our own command line


@pytest.mark.timeout(600)
async def test_every_kind_of_application_comes_to_its_end_although_servers_are_killed() -> None:
    # Not below pytest's folder: PostgreSQL, which refuses to run as root, is another user there.
    with TemporaryDirectory(prefix="myili-kinds-") as data:
        async with local_platform(Path(data), durable=False) as platform:
            with Town.of(platform, Path(data)) as town:
                await asyncio.to_thread(_connect_anew, town)
                every = 2 * len(UTILITIES)
                await asyncio.to_thread(within, lambda: _reminded(town) == every)
                await platform.kill("svc_services.worker")
                for kind in kinds():
                    await asyncio.to_thread(_live_through, town, kind)
                assert _reminded(town) == every
                await platform.start("svc_services.worker")
                ended = sum(kind.ends_binding for kind in kinds())
                await asyncio.to_thread(within, lambda: _reminded(town) == every - ended)


def _connect_anew(town: Town) -> None:
    """A connection of each utility, opened by its company while its server is down; then its account is bound anew."""
    fields = {"address": "解放西路1号", "phone": "13800000001"}
    for utility, company in town.companies.items():
        kind = Kind(utility, "new_connection", fields, {}, bound=False)
        case_id = town.file(kind, None)
        town.company_acts(utility, case_id, "request_correction", reason="请补充用途")
        town.act(case_id, "correct", form={**fields, "purpose": "residential"})
        town.company_acts(utility, case_id, "accept")
        town.company_acts(utility, case_id, "appoint_survey", appointment_on=_day(5))
        company.kill()
        town.company_acts(utility, case_id, "survey")
        town.company_acts(utility, case_id, "quote", amount_fen=0)
        assert not town.bind(utility).is_success  # nobody there can say whose account it is
        company.restart()
        assert town.act(case_id, "agree")["state"] == "construction"
        town.company_acts(utility, case_id, "construct")
        town.company_acts(utility, case_id, "inspect")
        opened = account_number(SEED, 3, utility)
        ended = town.company_acts(utility, case_id, "activate", account_number=opened)
        assert (ended["status"], ended["account_number"]) == ("ended", opened)
        assert town.binding(utility, opened)["status"] == "active"
        within(partial(_is_bound, town, utility))
        assert town.binding(utility, account_number(SEED, 0, utility))["status"] == "active"


def _is_bound(town: Town, utility: str) -> bool:
    return town.bind(utility).is_success


def _live_through(town: Town, kind: Kind) -> None:
    """One case with its company's server killed in the middle."""
    company, number = town.companies[kind.utility], account_number(SEED, 0, kind.utility)
    case_id = town.file(kind, number if kind.bound else None)
    if kind.bound:
        _refuse_a_second(town, kind, number)
    (first, parts), *rest = kind.by_company.items()
    town.company_acts(kind.utility, case_id, first, **parts)
    company.kill()
    open_case = town.case(case_id)
    assert (open_case["status"], open_case["held_by"]) == ("open", "provider")
    assert open_case["promised_on"] >= _day()
    company.restart()
    for action, parts in rest:
        town.company_acts(kind.utility, case_id, action, **parts)
    ended = town.case(case_id)
    assert (ended["status"], ended["state"]) == ("ended", "completed"), kind
    assert [step["action"] for step in ended["steps"]] == ["submit", *kind.by_company]
    papers = taken(town.resident.call("GET", f"{CASES}/{case_id}/papers"))["items"]
    assert [each["kind"] for each in papers] == ["receipt", "acceptance", "delivery"]
    if kind.bound:
        expected = "ended" if kind.ends_binding else "active"
        assert town.binding(kind.utility, number)["status"] == expected, kind


def _refuse_a_second(town: Town, kind: Kind, number: str) -> None:
    """An account has one open application of a kind."""
    with pytest.raises(AssertionError, match="application_filed_already"):
        town.file(kind, number)


def _reminded(town: Town) -> int:
    """Of how many accounts svc_payments knows that they are the resident's: it hears it from svc_services' worker."""
    return len(taken(town.resident.call("GET", "/payments/v1/reminder-preferences"))["items"])

"""Who and what a telling has at hand: the platform's addresses, the operator, the companies' own servers."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from contracts.reference_provider.billing_month import previous_month
from contracts.reference_provider.client import Client, load_key
from contracts.reference_provider.tariff import SAMPLES, Tariff
from deploy.local.platform import Addresses
from deploy.local.programs import free_port
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import STAFF_CONSOLE, Person
from tests.journeys.demo.narrator import Narrator, Surprise
from tests.journeys.demo.relay import Relay

DIVISION = "654002"
_TOOL = [sys.executable, "-m", "contracts.reference_provider"]
_READY_SECONDS = 30
_POWER_CUSTOMERS = 1_000


@dataclass
class Company:
    """A utility company: its own server (the reference provider) behind a proxy, its key, its customers."""

    name: str
    kind: str
    seed: str
    encoding: str
    state: Path
    port: int
    client: Client
    uscc: str
    relay: Relay
    provider_id: str = ""
    application: dict[str, Any] | None = None

    @property
    def endpoint_url(self) -> str:
        return self.relay.url

    @property
    def tariff(self) -> Tariff:
        return SAMPLES[self.kind]

    def books(self) -> dict[str, Any]:
        """What the company has booked, read on its own machine."""
        books: dict[str, Any] = httpx.get(f"http://127.0.0.1:{self.port}/books").raise_for_status().json()
        return books


@dataclass(frozen=True)
class Stage:
    """All that the acts of the story share."""

    narrator: Narrator
    platform: Addresses
    folder: Path
    rows: int
    operator: Person
    second_operator: Person
    water: Company
    heating: Company
    power: Company

    @property
    def companies(self) -> tuple[Company, Company]:
        """Those that send bills."""
        return self.water, self.heating

    def person(self, phone: str | None = None) -> Person:
        return Person(self.platform.public_url, self.platform.sms_url, phone or sample_codes.phone())

    def staff(self) -> Person:
        """Somebody who is about to get a role, with the code that an operator gives them to set up a factor."""
        person = Person(self.platform.public_url, self.platform.sms_url, sample_codes.phone(), STAFF_CONSOLE)
        asked = {"phone": person.phone, "reason": "new member of staff"}
        issued = self.operator.call("POST", "/identity/v1/enrolment-codes", json=asked)
        person.enrolment_code = self.narrator.answered("an operator issues an enrolment code", issued, 201)[
            "enrolment_code"
        ]
        return person


def operators_of(platform: Addresses) -> tuple[Person, Person]:
    """The two operators with whom a platform begins."""
    first = (platform.operator_phone, platform.operator_authenticator)
    second = (platform.second_operator_phone, platform.second_operator_authenticator)
    one, other = (
        Person(platform.public_url, platform.sms_url, phone, STAFF_CONSOLE, key=key) for phone, key in (first, second)
    )
    return one, other


@contextlib.contextmanager
def set_stage(narrator: Narrator, platform: Addresses, folder: Path, rows: int) -> Iterator[Stage]:
    """Start the companies' servers and stop them afterwards."""
    with contextlib.ExitStack() as stack:
        operator, second = operators_of(platform)
        stack.callback(operator.close)
        stack.callback(second.close)
        water = stack.enter_context(_company(platform, folder, rows, "Sample Water Company", "water", "gb18030"))
        heating = stack.enter_context(_company(platform, folder, rows, "Sample Heating Company", "heating", "utf-8"))
        # It answers bill inquiries and sells top-ups, to customers of the water company.
        sells = ("--billed", previous_month(datetime.now(UTC).date()), "--prepaid", "token")
        name, customers = "Sample Power Company", min(rows, _POWER_CUSTOMERS)
        power = stack.enter_context(
            _company(platform, folder, customers, name, "electricity", "utf-8", seed=water.seed, sells=sells)
        )
        yield Stage(narrator, platform, folder, rows, operator, second, water, heating, power)


@contextlib.contextmanager
def _company(  # noqa: PLR0913 - each is named at the call
    platform: Addresses,
    folder: Path,
    rows: int,
    name: str,
    kind: str,
    encoding: str,
    *,
    seed: str = "",
    sells: Sequence[str] = (),
) -> Iterator[Company]:
    state, uscc, port = folder / kind, sample_codes.uscc(), free_port()
    seed = seed or f"{kind} {uscc}"
    where = ["--state", str(state), "--platform", platform.public_url]
    subprocess.run([*_TOOL, "keys", *where], check=True, capture_output=True)  # noqa: S603 - our own command line
    serving = [*_TOOL, "serve", *where, "--port", str(port), "--seed", seed, "--kind", kind]
    serving += ["--accounts", str(rows), *sells]
    relay = Relay(f"http://127.0.0.1:{port}")
    serving += ["--public-url", relay.url]
    with (folder / f"{kind}.log").open("wb") as log:
        server = subprocess.Popen(serving, stdout=log, stderr=log)  # noqa: S603 - our own command line
    client = Client(platform.public_url, load_key(state / "key.json"))
    company = Company(name, kind, seed, encoding, state, port, client, uscc, relay)
    try:
        with relay.running():
            yield company
    finally:
        company.client.close()
        server.terminate()
        server.wait()


def wait_until_open(company: Company, narrator: Narrator) -> None:
    def look() -> bool | None:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{company.endpoint_url}/livez").is_success or None
        return None

    narrator.wait_for(f"the server of the {company.kind} company answers", look, within=_READY_SECONDS)


def pay_at_cashier(platform: Addresses, pay_url: str) -> httpx.Response:
    """Pay the order at the channel, as the resident's wallet does."""
    if not pay_url.startswith(platform.channel_url):
        raise Surprise(f"pay_url {pay_url} is not the channel's")
    return httpx.post(pay_url, json={"account": "wallet-of-the-demo"})

"""A platform with something of everything on it, and the five kinds of caller."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.auth import TWO_FACTORS
from chassis.settings import AUDIENCE
from deploy.local.keys import keys_in
from deploy.local.platform import Addresses
from tests.journeys.demo.app import Person
from tests.journeys.demo.county_app import publish_mini_app
from tests.journeys.demo.narrator import Narrator
from tests.journeys.demo.onboarding import onboard_companies
from tests.journeys.demo.people import team_member
from tests.journeys.demo.power import buy_power
from tests.journeys.demo.stage import DIVISION, Stage, set_stage
from tests.journeys.demo.story import pay_bill, show_bill, upload_bills

Headers = Mapping[str, str]
_ROWS = 300
PREFECTURE = "654000"
_LIFE_SECONDS = 4 * 3_600
_BACK_OFFICE = ("operator", "auditor", "reviewer", "clerk", "till_supervisor")
_OF_COMPANIES = "tariffs:write bills:write accounts:write"
_OF_PERSONS = "openid profile phone bills pay accounts applications mini_apps staff"


@contextmanager
def callers(platform: Addresses, data: Path, folder: Path) -> Iterator[Mapping[str, Headers]]:
    """Play the first acts of the demo; the headers of each caller, whose own servers run until the block ends."""
    with set_stage(Narrator(), platform, folder, _ROWS) as stage:
        yield _played(stage, _Signer(platform, data))


def _played(stage: Stage, signer: "_Signer") -> Mapping[str, Headers]:
    stage.operator.sign_in_proofed()
    stage.second_operator.sign_in_proofed()
    onboard_companies(stage)
    resident, bill = show_bill(stage, upload_bills(stage))
    pay_bill(stage, resident, bill)
    buy_power(stage, resident)
    publish_mini_app(stage, resident)
    team = team_member(stage, "Sample County Team")
    who = {
        "nobody": {},
        "resident": signer.person(_id_of(resident)),
        "staff": signer.person(_id_of(stage.operator), *_BACK_OFFICE),
        "company": signer.company(stage.water.provider_id),
        "county_team": signer.person(_id_of(team), "county_team"),
    }
    resident.close()
    team.close()
    return who


def _id_of(person: Person) -> str:
    return str(person.call("GET", "/identity/v1/me").json()["person_id"])


class _Signer:
    """Signs access tokens as the platform does, which outlive the search."""

    def __init__(self, platform: Addresses, data: Path) -> None:
        self._issuer = f"{platform.public_url}/identity"
        self._key = ECKey.import_key(keys_in(data)["token_signing_key"])
        self._organisation_id = str(uuid4())

    def person(self, person_id: str, *roles: str) -> Headers:
        where = {each: DIVISION for each in roles if each in {"county_team", "clerk", "till_supervisor"}}
        belongs = {"organisation_id": self._organisation_id}
        memberships = [{**belongs, "role": each, "division_code": where.get(each, PREFECTURE)} for each in roles]
        how = {"kind": "person", "client_id": "myili-app", "acr": TWO_FACTORS[0]}
        return self._signed(person_id, **how, assurance_level=2, memberships=memberships)

    def company(self, provider_id: str) -> Headers:
        return self._signed(provider_id, kind="client", client_id=provider_id, scope=_OF_COMPANIES, memberships=[])

    def _signed(self, subject: str, **claims: Any) -> Headers:  # noqa: ANN401 - claims
        issued = int(time.time())
        usual = {"iss": self._issuer, "aud": AUDIENCE, "sub": subject, "jti": uuid4().hex, "scope": _OF_PERSONS}
        times = {"iat": issued, "exp": issued + _LIFE_SECONDS}
        head = {"alg": "ES256", "typ": "at+jwt", "kid": self._key.thumbprint()}
        token = jwt.encode(head, {**usual, **times, **claims}, self._key, algorithms=["ES256"])
        return {"Authorization": f"Bearer {token}"}

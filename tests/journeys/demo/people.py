"""Steps that several acts share: bind an account, register a member of an organisation."""

from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.stage import DIVISION, Stage


def bind(stage: Stage, resident: Person, provider_id: str, account_number: str) -> None:
    attested = resident.call("POST", "/identity/v1/me/attestations", json={"purpose": "account_binding"})
    attestation = stage.narrator.answered("svc_identity attests the name, for one use", attested, 201)["attestation"]
    binding = {"provider_id": provider_id, "account_number": account_number, "attestation": attestation}
    bound = resident.call("POST", "/services/v1/account-bindings", json=binding)
    content = stage.narrator.answered("the company confirms the holder; the account is bound", bound, 201)
    stage.narrator.check("the binding is", content["status"], "active")
    again = resident.call("POST", "/services/v1/account-bindings", json=binding)
    stage.narrator.check("the attestation does not count twice", again.is_client_error)


def member(stage: Stage, kind: str, role: str, name: str) -> Person:
    organisation = {"uscc": sample_codes.uscc("12"), "name": name, "kind": kind, "division_code": DIVISION}
    made = stage.operator.call("POST", "/identity/v1/organisations", json=organisation)
    known = stage.narrator.answered(f"the operator registers {name}", made, 201)
    member = stage.person()
    path = f"/identity/v1/organisations/{known['organisation_id']}/members"
    added = stage.operator.call("POST", path, json={"phone": member.phone, "role": role})
    stage.narrator.answered(f"and its {role.replace('_', ' ')}", added, 201)
    member.sign_in()
    return member

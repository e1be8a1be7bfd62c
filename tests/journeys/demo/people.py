"""Steps that several acts share: bind an account, register a member of an organisation, have a role granted."""

import httpx

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


def team_member(stage: Stage, name: str) -> Person:
    organisation_id = _organisation(stage, "county_team", name)
    member = stage.staff()
    path = f"/identity/v1/organisations/{organisation_id}/members"
    added = stage.operator.call("POST", path, json={"phone": member.phone, "role": "county_team"})
    stage.narrator.answered("and its county team", added, 201)
    member.sign_in()
    return member


def clerk_of(stage: Stage, name: str) -> Person:
    """Somebody at the one-stop counter of the county."""
    organisation_id = _organisation(stage, "county_team", name)
    clerk = stage.staff()
    clerk.sign_in_proofed()
    path = f"/identity/v1/organisations/{organisation_id}/counter-staff"
    added = stage.operator.call("POST", path, json={"phone": clerk.phone, "role": "clerk"})
    stage.narrator.answered("and its clerk", added, 201)
    clerk.refresh()
    return clerk


def reviewer_of(stage: Stage, name: str) -> Person:
    return _appointed(stage, _organisation(stage, "review_body", name), "reviewer")


def third_operator(stage: Stage) -> Person:
    """Sign the two operators in, and have them make a third one."""
    stage.operator.sign_in_proofed()
    stage.second_operator.sign_in_proofed()
    platform = stage.operator.call("GET", "/identity/v1/organisations").json()["items"][0]["organisation_id"]
    return _appointed(stage, platform, "operator")


def _appointed(stage: Stage, organisation_id: str, role: str) -> Person:
    """Somebody with a role that approves what others do: one operator proposes, another approves."""
    person = stage.staff()
    person.sign_in_proofed()
    alone = stage.operator.call(
        "POST", f"/identity/v1/organisations/{organisation_id}/members", json={"phone": person.phone, "role": role}
    )
    stage.narrator.answered(f"an operator alone makes no {role}", alone, 403, "role_needs_two_persons")
    new = {"action": "grant", "organisation_id": organisation_id, "phone": person.phone, "role": role}
    proposed = stage.operator.call("POST", "/identity/v1/role-changes", json={**new, "reason": "joins the office"})
    change = stage.narrator.answered("one operator proposes it", proposed, 201)["role_change_id"]
    own = stage.operator.call("POST", f"/identity/v1/role-changes/{change}/approve")
    stage.narrator.answered("and cannot approve it", own, 403, "second_person_needed")
    approved = stage.second_operator.call("POST", f"/identity/v1/role-changes/{change}/approve")
    stage.narrator.answered("a second operator approves it", approved, 200)
    person.refresh()
    return person


def remove_reviewer(stage: Stage, reviewer: Person) -> None:
    """Two operators remove a role; tokens from before lose it within five seconds, in the service where it acts."""
    waiting = "/miniapps/v1/reviews"
    stage.narrator.answered("the reviewer sees what waits", reviewer.call("GET", waiting), 200)
    listed = stage.operator.call("GET", "/identity/v1/role-changes", params={"status": "approved", "limit": "200"})
    granted = [each for each in listed.json()["items"] if each["role"] == "reviewer"][-1]
    named = {name: granted[name] for name in ("organisation_id", "membership_id")}
    removal = {"action": "removal", "reason": "leaves the office", **named}
    proposed = stage.operator.call("POST", "/identity/v1/role-changes", json=removal)
    change = stage.narrator.answered("an operator proposes to remove the role", proposed, 201)["role_change_id"]
    approved = stage.second_operator.call("POST", f"/identity/v1/role-changes/{change}/approve")
    stage.narrator.answered("a second one approves it", approved, 200)

    def refused() -> bool | None:
        return reviewer.call("GET", waiting).status_code == httpx.codes.FORBIDDEN or None

    stage.narrator.wait_for("and the token of before is refused", refused, within=5)


def _organisation(stage: Stage, kind: str, name: str) -> str:
    new = {"uscc": sample_codes.uscc("12"), "name": name, "kind": kind, "division_code": DIVISION}
    made = stage.operator.call("POST", "/identity/v1/organisations", json=new)
    known = stage.narrator.answered(f"the operator registers {name}", made, 201)
    organisation_id: str = known["organisation_id"]
    return organisation_id

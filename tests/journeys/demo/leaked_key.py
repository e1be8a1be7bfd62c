"""A company's key has leaked: it is replaced, the provider suspended and resumed, each within five seconds."""

from joserfc.jwk import ECKey

from tests.journeys.demo.company_systems import CompanySystem, new_key
from tests.journeys.demo.stage import Stage
from tests.svc_services.providers.connections.companies import public

_WITHIN = 5.0
_BILLS = "/payments/v1/bills"


def replace_leaked_key(stage: Stage) -> None:
    stage.narrator.act("10  A company's key has leaked: another replaces it, and a suspension stops everything")
    system, fresh = CompanySystem.of(stage.platform.public_url, stage.heating), new_key()
    leaked_token = system.token(system.key)
    assert leaked_token is not None
    added = system.change(system.key, action="add_key", key=public(fresh))
    stage.narrator.answered("with its application token and a proof the company adds a key", added, 201)
    token = stage.narrator.wait_for("which gets a token", lambda: system.token(fresh), within=_WITHIN)
    ended = system.change(fresh, action="end_key", kid=str(system.key.kid))
    stage.narrator.answered("and ends the leaked one", ended, 201)
    _wait_refused(stage, system, system.key, leaked_token, "client_key_ended")
    own = system.call(token, "GET", _BILLS)
    stage.narrator.answered("the token of the other key is good all along", own, 200)
    _suspend_and_resume(stage, system, fresh, token)


def _wait_refused(stage: Stage, system: CompanySystem, key: ECKey, token: str, code: str) -> None:
    def no_token() -> bool | None:
        return None if system.request_token(key).is_success else True

    def refused() -> bool | None:
        return system.call(token, "GET", _BILLS).json().get("code") == code or None

    stage.narrator.wait_for("no token is issued any more", no_token, within=_WITHIN)
    stage.narrator.wait_for(f"and one issued before is refused: {code}", refused, within=_WITHIN)
    publishing = system.call(token, "POST", "/services/v1/tariffs", kind="heating")
    stage.narrator.check("at the other service too", publishing.json()["code"], code)


def _suspend_and_resume(stage: Stage, system: CompanySystem, key: ECKey, token: str) -> None:
    suspended = stage.operator.call("POST", f"{system.path}/suspend", json={"reason": "calls from elsewhere"})
    stage.narrator.answered("one operator suspends the company", suspended, 200)
    _wait_refused(stage, system, key, token, "client_suspended")
    planted = system.change(key, action="add_key", key=public(new_key()))
    stage.narrator.answered("meanwhile no key can be added", planted, 403, "suspended_by_operator")
    wanted = {"action": "resume", "reason": "the company has cleaned up"}
    proposed = stage.operator.call("POST", f"{system.path}/changes", json=wanted)
    change = stage.narrator.answered("an operator proposes to resume", proposed, 201)["provider_change_id"]
    path = f"/services/v1/provider-changes/{change}/approve"
    stage.narrator.answered("and cannot approve it", stage.operator.call("POST", path), 403, "second_person_needed")
    stage.narrator.answered("a second operator does", stage.second_operator.call("POST", path), 200)
    stage.narrator.wait_for("the company works again", lambda: system.token(key), within=_WITHIN)

    def works() -> bool | None:
        return system.call(token, "GET", _BILLS).is_success or None

    stage.narrator.wait_for("with the token that it has", works, within=_WITHIN)

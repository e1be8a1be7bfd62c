"""A new home: two companies asked with one form, on one day, with one fee and one answer."""

from typing import Any

from contracts.reference_provider.roster import account_number
from kit.calendar import today, working_day_after
from svc_payments.amounts import in_digits
from tests.journeys.demo.app import Person
from tests.journeys.demo.company_systems import CompanySystem
from tests.journeys.demo.payment import pay_and_complete
from tests.journeys.demo.stage import DIVISION, Company, Stage

JOINT, CASES = "/services/v1/joint-applications", "/services/v1/applications"
RECEIVED_JOINT, RECEIVED = "/services/v1/received-joint-applications", "/services/v1/received-applications"
_FORM = {"address": "伊宁市解放西路1号", "phone": "13800000001", "purpose": "residential"}
_FEE_FEN = 120_000
Json = dict[str, Any]


def connect_new_home(stage: Stage, resident: Person) -> None:
    stage.narrator.act("12  A new home: water and power with one form, on one day, with one answer")
    companies = (stage.water, stage.power)
    path = _file(stage, resident, companies)
    _agree_on_a_day(stage, resident, companies, path)
    for position, company in enumerate(companies, start=1):
        _build(stage, resident, company, path, position)
    ended = stage.narrator.wait_for("the combined answer is there", lambda: _ended(resident, path))
    for branch in ended["result"]["branches"]:
        stage.narrator.tell(f"{branch['provider_name']}: {branch['result']['en']} / {branch['result']['zh']}")
    states = {branch["state"] for branch in ended["result"]["branches"]}
    stage.narrator.check("both are connected", states, {"completed"})


def _file(stage: Stage, resident: Person, companies: tuple[Company, ...]) -> str:
    branches = [{"provider_id": company.provider_id, "kind": "new_connection"} for company in companies]
    wanted: Json = {"division_code": DIVISION, "branches": branches, "form": {"shared": {"phone": _FORM["phone"]}}}
    draft = stage.narrator.answered("a draft is begun", resident.call("POST", JOINT, json=wanted), 201)
    path = f"{JOINT}/{draft['joint_application_id']}"
    early = resident.call("POST", f"{path}/submit", headers={"If-Match": '"1"'})
    stage.narrator.answered("it is not filed without the address", early, 422, "form_refused")
    saved = resident.call("PUT", path, json=wanted | {"form": {"shared": _FORM}}, headers={"If-Match": '"1"'})
    stage.narrator.answered("the address is filled in once", saved, 200)
    filed = resident.call("POST", f"{path}/submit", headers={"If-Match": '"2"'})
    joint = stage.narrator.answered("and it is filed with both companies", filed, 200)
    stage.narrator.tell(f"promised for {joint['promised_on']}")
    return path


def _agree_on_a_day(stage: Stage, resident: Person, companies: tuple[Company, ...], path: str) -> None:
    days = [f"{working_day_after(today(), ahead)}" for ahead in (14, 15)]
    proposed = resident.call("POST", f"{path}/survey-days", json={"days": days})
    stage.narrator.answered("the resident proposes two days for a visit", proposed, 200)
    for position, company in enumerate(companies, start=1):
        _act(stage, resident, company, path, position, "accept")
        possible = days[1:] if company is stage.power else days
        answer = f"{path.replace(JOINT, RECEIVED_JOINT)}/survey-answer"
        system, token = _system(stage, company)
        answered = system.call(token, "PUT", answer, days=possible)
        stage.narrator.answered(f"the {company.kind} company can come on {len(possible)} of them", answered, 200)
    survey = resident.call("GET", path).json()["survey"]
    stage.narrator.check("they come on the earliest day that suits all", survey["agreed_on"], days[1])


def _build(stage: Stage, resident: Person, company: Company, path: str, position: int) -> None:
    def appointed() -> bool | None:
        return _case(resident, path, position)["state"] == "survey_appointed" or None

    stage.narrator.wait_for(f"the day is appointed with the {company.kind} company", appointed)
    _act(stage, resident, company, path, position, "survey")
    fee = _FEE_FEN if company is stage.water else 0
    _act(stage, resident, company, path, position, "quote", amount_fen=fee)
    _agree(stage, resident, path, position)
    if fee:
        _pay(stage, resident, path, position)
    number = account_number(company.seed, stage.rows + 1, company.kind)
    for action, parts in (("construct", {}), ("inspect", {}), ("activate", {"account_number": number})):
        _act(stage, resident, company, path, position, action, **parts)
    stage.narrator.check(f"the {company.kind} account is open", _case(resident, path, position)["state"], "completed")


def _agree(stage: Stage, resident: Person, path: str, position: int) -> None:
    case = _case(resident, path, position)
    action, headers = f"{CASES}/{case['application_id']}/actions", {"If-Match": f'"{case["version"]}"'}
    agreed = resident.call("POST", action, json={"action": "agree"}, headers=headers)
    stage.narrator.answered("the resident agrees to the quote", agreed, 200)


def _pay(stage: Stage, resident: Person, path: str, position: int) -> None:
    fee = _case(resident, path, position)["fee"]
    stage.narrator.tell(f"fees due: {in_digits(resident.call('GET', path).json()['fees_due_fen'])}")

    def billed() -> bool | None:
        return resident.call("GET", f"/payments/v1/bills/{fee['bill_id']}").is_success or None

    stage.narrator.wait_for("the fee is a bill", billed)
    body = {"bill_ids": [fee["bill_id"]], "channel": "sandbox"}
    created = resident.call("POST", "/payments/v1/payments", json=body)
    payment = stage.narrator.answered("the resident pays it", created, 201)
    pay_and_complete(stage, resident, payment["payment_id"])

    def moved() -> bool | None:
        return _case(resident, path, position)["state"] == "construction" or None

    stage.narrator.wait_for("and the payment moves the case on", moved)


def _act(
    stage: Stage,
    resident: Person,
    company: Company,
    path: str,
    position: int,
    action: str,
    **parts: Any,  # noqa: ANN401 - JSON
) -> None:
    case = _case(resident, path, position)
    system, token = _system(stage, company)
    url, tag = f"{RECEIVED}/{case['application_id']}/actions", f'"{case["version"]}"'
    taken = system.call(token, "POST", url, etag=tag, action=action, **parts)
    stage.narrator.answered(f"{company.kind}: {action.replace('_', ' ')}", taken, 200)


def _system(stage: Stage, company: Company) -> tuple[CompanySystem, str]:
    system = CompanySystem.of(stage.platform.public_url, company)
    return system, str(system.token(system.key))


def _case(resident: Person, path: str, position: int) -> Json:
    case: Json = resident.call("GET", path).json()["branches"][position - 1]["application"]
    return case


def _ended(resident: Person, path: str) -> Json | None:
    joint: Json = resident.call("GET", path).json()
    return joint if joint["status"] == "ended" else None

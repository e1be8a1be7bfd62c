"""An account changes hands: its former holder keeps the bills until that day, and sees nothing later."""

from datetime import date, datetime, timedelta

from contracts.reference_provider.holders import BEIJING
from tests.journeys.demo.app import Person
from tests.journeys.demo.company_systems import CompanySystem
from tests.journeys.demo.stage import Stage


def change_holder(stage: Stage, resident: Person, bill_id: str) -> None:
    stage.narrator.act("11  The water account changes hands: the former holder sees nothing later than that day")
    bindings = resident.call("GET", "/services/v1/account-bindings").json()["items"]
    (binding,) = [each for each in bindings if each["provider_id"] == stage.water.provider_id]
    system = CompanySystem.of(stage.platform.public_url, stage.water)
    token = system.token(system.key)
    assert token is not None
    today = datetime.now(BEIJING).date()
    last_day = last_day_of_holder(today)
    change = {"account_number": binding["account_number"], "kind": "new_holder", "effective_on": last_day.isoformat()}
    reported = system.call(token, "POST", "/services/v1/holder-changes", **change)
    stage.narrator.answered("the company reports it", reported, 201)
    path = f"/services/v1/account-bindings/{binding['binding_id']}"
    ended = stage.narrator.answered("the binding of the former holder", resident.call("GET", path), 200)
    stage.narrator.check("has ended", (ended["status"], ended["held_until"]), ("ended", last_day.isoformat()))
    _wait_until_ended(stage, resident, binding)
    later = {"account_number": binding["account_number"], "period": f"{today:%Y-%m}", "usage": "7", "amount_fen": 700}
    later |= {"bill_number": f"LATER-{binding['account_number']}", "due_date": today.isoformat()}
    pushed = system.call(token, "POST", "/payments/v1/bills", bills=[later])
    report = stage.narrator.answered("a bill of this month is made for the next holder", pushed, 200)
    new_bill = report["bills"][0]["bill_id"]
    hidden = resident.call("GET", f"/payments/v1/bills/{new_bill}")
    stage.narrator.answered("to the former holder it does not exist", hidden, 404, "not_found")
    kept = resident.call("GET", f"/payments/v1/bills/{bill_id}")
    stage.narrator.answered("the bill that was theirs stays visible", kept, 200)


def last_day_of_holder(today: date) -> date:
    """Today; at the end of a month the day before, as that month would be the former holder's whole."""
    tomorrow = today + timedelta(days=1)
    return today if tomorrow.month == today.month else today - timedelta(days=1)


def _wait_until_ended(stage: Stage, resident: Person, binding: dict[str, str]) -> None:
    def ended() -> bool | None:
        shown = resident.call("GET", "/payments/v1/reminder-preferences").json()["items"]
        return all(each["binding_id"] != binding["binding_id"] for each in shown) or None

    stage.narrator.wait_for("reminders end with it", ended, within=5)

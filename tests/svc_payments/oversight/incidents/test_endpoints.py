"""The list of incidents, for staff."""

from chassis.db import new_id
from tests.svc_payments.collection.notifications.test_notices import paid_without_notice
from tests.svc_payments.world import World


async def test_incidents_are_listed_for_operators_only(world: World) -> None:
    _, notice = await paid_without_notice(world, new_id())
    await world.notify({**notice, "amount_fen": 1})
    url = "/payments/v1/incidents"
    (found,) = (await world.api.get(url, headers=world.tokens.staff("operator"))).json()["items"]
    assert (found["kind"], found["subject"], found["details"]["amount_fen"]) == ("other_amount", notice["notice_id"], 1)
    assert (await world.api.get(url, headers=world.tokens.resident())).status_code == 403

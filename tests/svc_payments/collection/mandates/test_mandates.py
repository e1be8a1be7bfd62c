"""Life cycle of a mandate: request, signature and end."""

import asyncio
import json

import pytest
from sqlalchemy import select, update

from chassis.db import new_id, now
from chassis.inbox import Received
from chassis.testing import once, until
from kit.signatures.messages import sign_request
from svc_payments.collection.mandates.models import Mandate
from svc_payments.collection.mandates.service import binding_ended
from svc_payments.collection.mandates.worker import Mandates
from svc_payments.parties.accounts.consumers import AccountBindingEnded, on_ended
from svc_payments.parties.accounts.models import AccountBinding
from tests.svc_payments.collection.mandates.giver import ACCOUNT, MANDATES, Giver, refusal, working_on
from tests.svc_payments.world import CONTRACT_NOTICES, Answer, World


async def test_a_mandate_is_active_once_the_contract_is_signed(giver: Giver) -> None:
    await giver.bind()
    mandate = await giver.requested()
    assert await giver.status(mandate) == "requested"
    await giver.sign(mandate)
    await until(lambda: giver.is_now(mandate, "active"))
    assert await giver.events(mandate) == ["requested", "activated"]


async def test_signing_again_gives_the_same_contract(giver: Giver) -> None:
    await giver.bind()
    mandate = await giver.requested()
    answers = await asyncio.gather(*(giver.post(f"{mandate}/sign") for _ in range(3)))
    assert len({answer.json()["sign_url"] for answer in answers}) == 1


async def test_a_lost_notice_of_the_signature_is_recovered_by_a_query(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    await giver.bind()
    mandate = await giver.requested()
    await world.faults(drop_notices=1)
    await giver.sign(mandate)
    async with world.database.transaction() as tx:
        await tx.execute(update(Mandate).values(ask_at=now()))
    await mandates.work_due()
    assert await giver.status(mandate) == "active"


async def test_a_contract_not_signed_in_time_expires_and_frees_the_account(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    await giver.bind()
    mandate = await giver.requested()
    sign_url = (await giver.post(f"{mandate}/sign")).json()["sign_url"]
    async with world.database.transaction() as tx:
        await tx.execute(update(Mandate).values(ask_at=now(), sign_by=now()))
    await mandates.work_due()
    assert await giver.status(mandate) == "expired"
    late = await world.channel.post(sign_url, json={"account": "wallet-1"})
    assert refusal(late) == (409, "contract_ended")
    assert (await giver.give()).status_code == 201


async def test_only_owner_and_family_give_mandates(world: World, giver: Giver) -> None:
    assert refusal(await giver.give()) == (404, "not_found")
    await giver.bind("tenant")
    assert refusal(await giver.give()) == (403, "mandate_not_for_tenants")
    await giver.bind("family")
    assert (await giver.give()).status_code == 201
    weak = world.tokens.resident(giver.person_id, assurance_level=1)
    answer = await world.api.post(MANDATES, json={}, headers=weak | once())
    assert refusal(answer) == (403, "assurance_too_low")


async def test_an_account_has_one_mandate_among_all_persons(world: World, giver: Giver) -> None:
    others = [giver, Giver(world), Giver(world)]
    for other in others:
        await other.bind()
    answers = await asyncio.gather(*(other.give() for other in others))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "mandate_exists"}


@pytest.mark.parametrize(
    "changes",
    [
        {"limit_fen": 0},
        {"limit_fen": 10.5},
        {"limit_fen": 2**63},
        {"monthly_limit_fen": 9_999},
        {"notice_days": 0},
        {"account_number": "1"},
        {"channel": "barter"},
    ],
    ids=str,
)
async def test_an_invalid_mandate_is_refused(giver: Giver, changes: dict[str, object]) -> None:
    await giver.bind()
    assert refusal(await giver.give(**changes)) == (422, "invalid_request")


async def test_channels_that_cannot_deduct_are_refused(giver: Giver) -> None:
    await giver.bind()
    assert refusal(await giver.give(channel="cash")) == (422, "channel_cannot_deduct")


async def test_another_resident_cannot_see_or_change_a_mandate(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    stranger = Giver(world)
    answers = [
        await world.api.get(f"{MANDATES}{mandate}", headers=world.tokens.resident()),
        await stranger.post(f"{mandate}/cancel"),
        await stranger.post(f"{mandate}/suspend"),
        await stranger.post(f"{mandate}/sign"),
    ]
    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * 4
    assert await giver.status(mandate) == "active"


async def test_a_cancelled_mandate_is_ended_at_the_channel_too(world: World, giver: Giver, mandates: Mandates) -> None:
    mandate = await giver.active()
    await giver.post(f"{mandate}/cancel")
    assert await giver.status(mandate) == "cancelled"
    await mandates.work_due()
    shown = await world.channel.get(f"/wallet/contracts/{mandate[1:].replace('-', '')}")
    assert shown.json()["state"] == "ended"
    async with world.database.read() as tx:
        kept = await tx.get_one(Mandate, mandate[1:])
        assert kept.ask_at is None
    assert refusal(await giver.post(f"{mandate}/cancel")) == (409, "illegal_move")


async def test_the_end_is_sent_again_to_a_channel_that_was_unavailable(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    async with working_on(world) as mandates:
        await world.faults(unavailable=1)
        await giver.post(f"{mandate}/cancel")
        await mandates.work_due()
        async with world.database.transaction() as tx:
            await tx.execute(update(Mandate).values(ask_at=now()))
        await mandates.work_due()
    shown = await world.channel.get(f"/wallet/contracts/{mandate[1:].replace('-', '')}")
    assert shown.json()["state"] == "ended"


async def test_a_contract_ended_in_the_wallet_ends_the_mandate(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    number = mandate[1:].replace("-", "")
    await world.channel.post(f"/wallet/contracts/{number}/end", json={"account": "wallet-1"})
    await until(lambda: giver.is_now(mandate, "cancelled"))
    assert (await giver.get(mandate))["end_reason"] == "channel"


async def test_a_contract_signed_after_the_cancellation_is_ended_again(
    world: World, giver: Giver, mandates: Mandates
) -> None:
    await giver.bind()
    mandate = await giver.requested()
    sign_url = (await giver.post(f"{mandate}/sign")).json()["sign_url"]
    await giver.post(f"{mandate}/cancel")
    await world.channel.post(sign_url, json={"account": "wallet-1"})

    async def ended() -> bool:
        await mandates.work_due()
        return bool((await world.channel.get(sign_url)).json()["state"] == "ended")

    await until(ended)
    assert await giver.status(mandate) == "cancelled"


async def test_the_end_of_the_binding_ends_the_mandate(world: World, giver: Giver) -> None:
    mandate = await giver.active()
    family = await giver.bind("family")
    async with world.database.read() as tx:
        bindings = set(await tx.scalars(select(AccountBinding.binding_id)))
    for binding_id, expected in ((family, "active"), *((each, "cancelled") for each in bindings - {family})):
        ended = AccountBindingEnded(
            binding_id=binding_id,
            person_id=giver.person_id,
            provider_id=world.provider_id,
            account_number=ACCOUNT,
        )
        async with world.database.transaction() as tx:
            await on_ended(binding_ended, tx, Received(id=new_id(), type="ended", time=now(), data=ended))
        assert await giver.status(mandate) == expected
    assert (await giver.get(mandate))["end_reason"] == "binding_ended"


async def test_a_forged_or_misdirected_contract_notice_is_refused(world: World, giver: Giver) -> None:
    await giver.bind()
    mandate = await giver.requested()
    await giver.post(f"{mandate}/sign")
    notice = {
        "notice_id": str(new_id()),
        "event": "contract.signed",
        "merchant_id": world.settings.merchant_id,
        "contract_number": mandate[1:].replace("-", ""),
        "contract_id": "C-1",
    }
    forged = json.dumps(notice).encode()
    merchant, url = world.settings.merchant_id, world.settings.contract_notice_url
    headers = sign_request(world.channel_key, merchant, "POST", url, forged + b" ")
    answer = await world.api.post(CONTRACT_NOTICES, content=forged, headers=headers)
    assert refusal(answer) == (401, "notice_not_authentic")
    other_merchant = await _notify(world, notice | {"merchant_id": "other"})
    assert refusal(other_merchant) == (403, "notice_for_other_merchant")
    unknown = await _notify(world, notice | {"contract_number": new_id().hex})
    assert refusal(unknown) == (404, "notice_of_unknown_contract")
    assert await giver.status(mandate) == "requested"


async def _notify(world: World, notice: dict[str, str]) -> Answer:
    raw, headers = world.signed(notice, world.settings.contract_notice_url)
    return await world.api.post(CONTRACT_NOTICES, content=raw, headers=headers)

"""What a company stated in its application is proposed as its payment terms, once, for another operator to approve."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from svc_payments.billing.terms.models import TermsVersion
from svc_payments.billing.terms.service import terms_of
from svc_payments.billing.terms.stated import propose_stated
from svc_payments.billing.terms.terms import NONE_AGREED, Terms
from svc_payments.parties.providers.consumers import handlers
from tests.svc_payments.parties.events import Event

PUSHED = {"bill_sources": ["pushed"], "amount_rule": "exact"}
OPERATOR = new_id()


async def hear(tx: AsyncSession, provider_id: UUID, stated: dict[str, Any] | None, minute: int = 1) -> None:
    data = {
        "provider_id": str(provider_id),
        "kind": "water",
        "name": "Sample Water Company",
        "endpoint_url": "https://utility.example",
        "approved_by": str(OPERATOR),
        "stated_terms": stated,
    }
    await Event("provider.approved", data, minute).consume(tx, handlers(propose_stated))


async def proposed(tx: AsyncSession, provider_id: UUID) -> list[TermsVersion]:
    return list(await tx.scalars(select(TermsVersion).where(TermsVersion.provider_id == provider_id)))


@pytest.mark.parametrize(
    ("stated", "document"),
    [
        (PUSHED, {}),
        ({"bill_sources": ["inquiry"], "amount_rule": "partial"}, {"bill_sources": ["inquiry"], "partial_payment": {}}),
        (
            {
                "bill_sources": ["pushed", "top_up"],
                "amount_rule": "ahead",
                "least_fen": 500,
                "most_ahead_fen": 50_000,
                "top_up_amounts_fen": [1_000, 5_000],
                "closed_hours": {"begin": "23:30", "end": "01:00"},
            },
            {
                "bill_sources": ["pushed", "top_up"],
                "partial_payment": {"least_fen": 500},
                "advance_payment": {"most_fen": 50_000},
                "top_up": {"amounts_fen": [1_000, 5_000]},
                "closed_hours": {"begin": "23:30", "end": "01:00"},
            },
        ),
    ],
)
async def test_stated_terms_are_proposed_and_not_in_force(
    tx: AsyncSession, stated: dict[str, Any], document: dict[str, Any]
) -> None:
    provider_id = new_id()
    await hear(tx, provider_id, stated)
    (version,) = await proposed(tx, provider_id)
    assert (version.version, version.proposed_by, version.approval) == (1, OPERATOR, None)
    assert version.terms == Terms.model_validate(document)
    assert await terms_of(tx, provider_id) == NONE_AGREED


async def test_a_replay_and_a_later_word_propose_nothing_more(tx: AsyncSession) -> None:
    provider_id = new_id()
    for minute in (1, 1, 2):
        await hear(tx, provider_id, PUSHED, minute)
    assert len(await proposed(tx, provider_id)) == 1


async def test_a_company_that_states_nothing_gets_no_proposal(tx: AsyncSession) -> None:
    provider_id = new_id()
    await hear(tx, provider_id, None)
    assert await proposed(tx, provider_id) == []

"""Read model of account bindings from svc_services; correct for events in any order and repeated."""

from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.inbox import AnyHandler, EventData, Handler, Received
from svc_payments.parties.accounts.models import AccountBinding


class AccountBindingActivated(EventData):
    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
    role: str
    held_from: date | None = None
    starts_on: date | None = None
    access_until: date | None = None


class AccountBindingEnded(EventData):
    binding_id: UUID
    person_id: UUID
    provider_id: UUID
    account_number: str
    held_until: date | None = None


BindingEnded = Callable[[AsyncSession, UUID, UUID, str], Awaitable[None]]
"""What else ends with a binding of (person, provider, account number), in the same transaction."""


async def on_activated(tx: AsyncSession, event: Received[AccountBindingActivated]) -> None:
    # A binding is never activated twice: a row that exists was made by an earlier event, perhaps by its end.
    activated = insert(AccountBinding).values(**event.data.model_dump(), bound_at=event.time)
    began = {name: activated.excluded[name] for name in ("role", "bound_at", "held_from", "starts_on", "access_until")}
    await tx.execute(
        activated.on_conflict_do_update(
            index_elements=[AccountBinding.binding_id], set_=began, where=AccountBinding.role.is_(None)
        )
    )


async def on_ended(binding_ended: BindingEnded, tx: AsyncSession, event: Received[AccountBindingEnded]) -> None:
    ended = insert(AccountBinding).values(**event.data.model_dump(), ended_at=event.time)
    over = {"ended_at": event.time, "held_until": event.data.held_until}
    await tx.execute(ended.on_conflict_do_update(index_elements=[AccountBinding.binding_id], set_=over))
    await binding_ended(tx, event.data.person_id, event.data.provider_id, event.data.account_number)


def handlers(binding_ended: BindingEnded) -> list[AnyHandler]:
    return [
        Handler("cn.ili.services.account_binding.activated.v1", AccountBindingActivated, on_activated),
        Handler("cn.ili.services.account_binding.ended.v1", AccountBindingEnded, partial(on_ended, binding_ended)),
    ]

"""All accounts of a person with what is due on each, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Select, Subquery, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.sql.selectable import LateralFromClause

from chassis.pagination import Page, PageRequest, page_of
from kit.calendar import today_of
from svc_payments.billing.bills import schemas as bill_schemas
from svc_payments.billing.bills.models import WITHDRAWN, Bill, BillKind, BillStatus
from svc_payments.billing.bills.service import show_bills
from svc_payments.billing.dues import schemas
from svc_payments.parties.accounts.models import AccountBinding
from svc_payments.parties.accounts.queries import in_force, shown_from, shown_since
from svc_payments.parties.providers.models import Provider

_MOST_BILLS = 60
_Account = tuple[UUID, str]
_Shown = dict[_Account, list[bill_schemas.Bill]]


async def accounts_of(tx: AsyncSession, person_id: UUID, page: PageRequest) -> Page[schemas.AccountDue]:
    """A page of a person's accounts."""
    mine = select(AccountBinding).where(
        AccountBinding.person_id == person_id, in_force(), AccountBinding.role.is_not(None)
    )
    bindings = await page_of(tx, mine, page, AccountBinding.binding_id, _itself, newest_first=True)
    found = bindings.items
    accounts = _accounts([binding.binding_id for binding in found])
    due, latest = await _by_account(tx, accounts, _due(accounts)), await _by_account(tx, accounts, _latest(accounts))
    companies = select(Provider).where(Provider.provider_id.in_({binding.provider_id for binding in found}))
    providers = {provider.provider_id: provider for provider in await tx.scalars(companies)}
    today = await today_of(tx)
    items = [
        _shown(binding, providers.get(binding.provider_id), due[_account(binding)], latest[_account(binding)], today)
        for binding in found
    ]
    return Page(items=items, next_cursor=bindings.next_cursor)


def _itself(binding: AccountBinding) -> AccountBinding:
    return binding


def _account(of: AccountBinding | bill_schemas.Bill) -> _Account:
    return of.provider_id, of.account_number


def _accounts(binding_ids: Sequence[UUID]) -> Subquery:
    columns = (AccountBinding.provider_id, AccountBinding.account_number)
    spans = (shown_from().label("shown_from"), shown_since().label("shown_since"))
    return select(*columns, *spans).where(AccountBinding.binding_id.in_(binding_ids)).subquery()


def _due(accounts: Subquery) -> LateralFromClause:
    unpaid = Bill.status.in_((BillStatus.DUE, BillStatus.PAYING))
    return _of(accounts).where(unpaid).order_by(Bill.due_date, Bill.id).limit(_MOST_BILLS + 1).lateral()


def _latest(accounts: Subquery) -> LateralFromClause:
    in_order = _of(accounts).where(Bill.status.not_in(WITHDRAWN)).order_by(Bill.period.desc(), Bill.id.desc())
    return in_order.limit(1).lateral()


def _of(accounts: Subquery) -> Select[Bill]:
    return select(Bill).where(
        Bill.provider_id == accounts.c.provider_id,
        Bill.account_number == accounts.c.account_number,
        Bill.period >= accounts.c.shown_from,
        Bill.created_at >= accounts.c.shown_since,
        Bill.kind == BillKind.REGULAR,
    )


async def _by_account(tx: AsyncSession, accounts: Subquery, bills: LateralFromClause) -> _Shown:
    of_each = aliased(Bill, bills)
    found = (await tx.scalars(select(of_each).select_from(accounts.join(bills, true())))).all()
    by_account: _Shown = defaultdict(list)
    for bill in await show_bills(tx, found):
        by_account[_account(bill)].append(bill)
    return by_account


def _shown(
    binding: AccountBinding,
    provider: Provider | None,
    due: Sequence[bill_schemas.Bill],
    latest: Sequence[bill_schemas.Bill],
    today: date,
) -> schemas.AccountDue:
    counted = due[:_MOST_BILLS]
    earliest = min((bill.due_date for bill in counted), default=None)
    names = schemas.LatestBill.model_fields
    return schemas.AccountDue(
        binding_id=binding.binding_id,
        provider_id=binding.provider_id,
        provider_name=provider.name if provider else None,
        utility=provider.kind if provider else None,
        account_number=binding.account_number,
        role=binding.role or "",
        access_until=binding.access_until,
        bills_due=len(counted),
        due_fen=sum(bill.outstanding_fen for bill in counted),
        more_due=len(due) > _MOST_BILLS,
        next_due_date=earliest,
        overdue=earliest is not None and earliest < today,
        paying=any(bill.status == "paying" for bill in counted),
        latest_bill=schemas.LatestBill(**{name: getattr(latest[0], name) for name in names}) if latest else None,
    )

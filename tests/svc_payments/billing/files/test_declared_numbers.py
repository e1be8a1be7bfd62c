"""Bill files, workbooks and pushes by what their provider declares of its account numbers."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from chassis.db import Database
from chassis.testing import Tokens, once
from contracts.reference_provider.billing_month import write_month
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.roster import account_number
from contracts.reference_provider.tariff import SAMPLES
from kit.fields.check_rules import CheckRule
from kit.fields.customer_parameters import CustomerParameters
from svc_payments.billing.bills.models import Bill
from tests.svc_payments.billing.bills.pushes import bill, outcomes, push
from tests.svc_payments.billing.files.files import counts, file_of, reasons, row, upload, uploader
from tests.svc_payments.billing.files.staged import staged
from tests.svc_payments.billing.files.workbooks import cells, send, workbook
from tests.svc_payments.parties.providers.account_kinds import CHECKED_KINDS, KINDS, declare, in_full_width, mistyped

VARIABLE: dict[str, Any] = {
    "pattern": "[0-9]{6,9}",
    "min_length": 6,
    "max_length": 9,
    "check_rule": "none",
    "example": "001234",
}


@pytest.fixture
def headers(tokens: Tokens, provider_id: UUID) -> dict[str, str]:
    return uploader(tokens, provider_id) | {"Accept-Language": "en"}


async def accounts(database: Database) -> list[str]:
    async with database.read() as tx:
        return list(await tx.scalars(select(Bill.account_number).order_by(Bill.bill_number)))


@pytest.mark.parametrize("kind", KINDS)
async def test_numbers_of_each_kind_come_in_by_every_way(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str], provider_id: UUID, kind: str
) -> None:
    await declare(database, provider_id, kind)
    plain, wide, cell, pushed = (account_number("ways", n, kind) for n in range(4))
    text = file_of(row("W-1", account_number=plain), row("W-2", account_number=in_full_width(wide)))
    assert counts(await upload(api, headers, text)) == {"accepted": 2}
    assert counts(await send(api, headers, workbook(cells("W-3", account_number=cell)))) == {"accepted": 1}
    answer = await push(api, headers, bill("W-4", account_number=in_full_width(pushed)))
    assert outcomes(answer) == ["accepted"]
    assert await accounts(database) == [plain, wide, cell, pushed]


@pytest.mark.parametrize("kind", CHECKED_KINDS)
async def test_a_wrong_check_digit_is_refused_in_every_way(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str], provider_id: UUID, kind: str
) -> None:
    await declare(database, provider_id, kind)
    wrong = mistyped(account_number("ways", 7, kind))
    text = file_of(row("W-1", account_number=wrong), row("W-2", account_number=in_full_width(wrong)))
    assert reasons(await upload(api, headers, text)) == [(line, "bad_account_check_digit") for line in (2, 3)]
    assert reasons(await send(api, headers, workbook(cells(account_number=wrong)))) == [(2, "bad_account_check_digit")]
    assert outcomes(await push(api, headers, bill(account_number=wrong))) == ["bad_account_check_digit"]


async def test_the_message_of_a_refused_row_says_what_would_fit(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str], provider_id: UUID
) -> None:
    await declare(database, provider_id, "cable_tv")
    report = (await upload(api, headers, file_of(row("W-1")))).json()
    listed = (await api.get(report["refused_rows_url"], headers=headers)).json()["items"]
    as_csv = (await api.get(report["refused_rows_url"], headers=headers | {"Accept": "text/csv"})).text
    pushed = (await push(api, headers, bill("W-1"))).json()["bills"]
    for message in (*(each["message"] for each in (*report["refused_rows"], *listed, *pushed)), as_csv):
        assert all(part in message for part in ("Smart card number", "16", NUMBERINGS["cable_tv"].example))


async def test_a_lost_leading_zero_is_refused_and_a_shown_one_belongs_to_the_number(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str], provider_id: UUID
) -> None:
    await declare(database, provider_id, "electricity")
    number = account_number("zeros", 0, "electricity")
    content = workbook(cells("W-1", account_number=int(number)))
    assert reasons(await send(api, headers, content)) == [(2, "bad_account_number")]
    assert counts(await send(api, headers, with_format("0" * 13, int(number)))) == {"accepted": 1}
    assert await accounts(database) == [number]


def with_format(code: str, value: float) -> bytes:
    def write(book: Any, sheet: Any) -> None:  # noqa: ANN401 - xlsxwriter ships no types
        sheet.write_number(1, 1, value, book.add_format({"num_format": code}))

    return workbook(cells(), work=write)


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        # Without a check digit nothing else shows that the cell has other characters than the sender sees.
        ("telecom", with_format("0.00E+00", 13800138000), "value_changed"),
        ("telecom", with_format("000-0000-0000", 13800138000), "value_changed"),
        ("telecom", with_format("General", 13800138000), None),
        ("water", with_format("0.00E+00", 1234567897), None),
        # A spreadsheet keeps 15 digits of the 16.
        ("cable_tv", workbook(cells(account_number=8123400000000015)), "value_changed"),
        # 001234567 typed as a number is 1234567, which would be another account.
        ("variable", workbook(cells(account_number=1234567)), "value_changed"),
        ("variable", with_format("000000000", 1234567), None),
        ("variable", workbook(cells(account_number="001234567")), None),
    ],
)
async def test_a_number_that_a_spreadsheet_may_have_changed_is_refused(
    api: httpx.AsyncClient,
    database: Database,
    headers: dict[str, str],
    provider_id: UUID,
    kind: str,
    content: bytes,
    reason: str | None,
) -> None:
    variable = kind == "variable"
    await declare(database, provider_id, "telecom" if variable else kind, **(VARIABLE if variable else {}))
    assert reasons(await send(api, headers, content)) == ([(2, reason)] if reason else [])


@pytest.mark.parametrize("kind", ["electricity", "gas"])
async def test_a_month_of_a_sample_company_has_the_outcomes_that_were_planted(
    api: httpx.AsyncClient,
    database: Database,
    headers: dict[str, str],
    provider_id: UUID,
    kind: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    await declare(database, provider_id, kind)
    file = tmp_path_factory.mktemp("month") / f"{kind}.csv"
    planted = write_month(file, provider_seed="kinds", rows=2_000, tariff=SAMPLES[kind], period="2026-09")
    report = (await upload(api, headers, file.read_bytes())).json()
    assert {name: report[name] for name in planted.counts} == planted.counts


async def test_a_bill_on_record_is_amended_though_other_numbers_are_declared(
    api: httpx.AsyncClient, database: Database, headers: dict[str, str], provider_id: UUID
) -> None:
    await declare(database, provider_id, "electricity")
    number = account_number("renumbered", 1, "electricity")
    sent = await push(api, headers, bill("W-1", account_number=number))
    path = f"/payments/v1/bills/{sent.json()['bills'][0]['bill_id']}/amendments"
    await declare(database, provider_id, "cable_tv", revision=2)

    async def amend(**content: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        return await api.post(path, json={"reason": "meter_error", **content}, headers=headers | once())

    assert (await amend(amount_fen=100)).json()["amount_fen"] == 100
    assert (await amend(amount_fen=200, account_number=in_full_width(number))).json()["account_number"] == number
    for other in (account_number("renumbered", 2, "electricity"), "", None):
        refused = await amend(account_number=other)
        assert (refused.status_code, refused.json()["reason"]) == (422, "bad_account_number")
        assert "Smart card number" in refused.json()["detail"]
    moved = await amend(account_number=account_number("renumbered", 1, "cable_tv"))
    assert moved.json()["account_number"] == account_number("renumbered", 1, "cable_tv")


DECLARATIONS = [CustomerParameters.model_validate(NUMBERINGS[kind].customer_parameters) for kind in KINDS]
DECLARATIONS += [
    DECLARATIONS[0].model_copy(
        update={"pattern": "[A-Z]{2}-[0-9]{4,8}", "min_length": 7, "max_length": 11, "check_rule": CheckRule.NONE}
    ),
    DECLARATIONS[0].model_copy(
        update={"pattern": "[0-9]{8,12}", "min_length": 9, "max_length": 11, "check_rule": CheckRule.LUHN}
    ),
]


@given(st.sampled_from(DECLARATIONS), st.data())
def test_the_fast_path_and_the_slow_path_agree_for_any_declaration(
    numbers: CustomerParameters, data: st.DataObject
) -> None:
    """One expression matches plain rows; quotes send the same row through the slow path."""
    number = data.draw(st.one_of(st.from_regex(numbers.pattern, fullmatch=True), st.text("0123456789AZ-", max_size=17)))
    [fast] = staged(file_of(row("W-1", account_number=number)), numbers)
    [slow] = staged(file_of(",".join(f'"{value}"' for value in row("W-1", account_number=number).split(","))), numbers)
    assert fast == slow
    assert (fast[-1] == "") == (numbers.fault(number) is None)

"""The arithmetic of a bill, against another implementation of the same rules."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id, now
from contracts.reference_provider.tariff import SAMPLES
from svc_payments.billing.bills.explanation import explanation_of, tier_lines
from svc_payments.billing.bills.queries import tariffs_for
from tests.svc_payments.billing.bills.factories import a_bill, a_tariff

PROVIDER = new_id()
THREE_TIERS = (("15", "2.300"), ("25", "3.455"), (None, "6.905"))


@pytest.mark.parametrize(
    ("usage", "lines"),
    [
        ("0", []),
        ("0.001", [("0.001", "2.300", 0)]),
        ("15", [("15", "2.300", 3450)]),
        ("15.001", [("15", "2.300", 3450), ("0.001", "3.455", 0)]),
        ("26", [("15", "2.300", 3450), ("10", "3.455", 3455), ("1", "6.905", 691)]),
    ],
)
def test_usage_fills_tier_after_tier(usage: str, lines: list[tuple[str, str, int]]) -> None:
    made = tier_lines(a_tariff(PROVIDER, *THREE_TIERS), Decimal(usage))
    assert [(str(line.quantity), str(line.unit_price), line.amount_fen) for line in made] == lines
    assert [line.tier for line in made] == list(range(1, len(lines) + 1))


@pytest.mark.parametrize(("price", "fen"), [("0.005", 1), ("0.015", 2), ("0.0149", 1), ("0.025", 3)])
def test_each_line_is_rounded_half_up(price: str, fen: int) -> None:
    [line] = tier_lines(a_tariff(PROVIDER, (None, price)), Decimal(1))
    assert line.amount_fen == fen


@given(st.sampled_from(sorted(SAMPLES)), st.decimals(0, 999_999_999, places=3))
def test_lines_are_those_of_the_reference_provider(kind: str, usage: Decimal) -> None:
    sample = SAMPLES[kind]
    tiers = [(None if tier.up_to is None else str(tier.up_to), str(tier.unit_price)) for tier in sample.tiers]
    lines = tier_lines(a_tariff(PROVIDER, *tiers), usage)
    assert [(line.quantity, line.unit_price, line.amount_fen) for line in lines] == sample.lines(usage)


@given(st.decimals(0, 10_000, places=3), st.integers(1, 100_000_000), st.integers(0, 10_000))
def test_an_explanation_adds_up_to_the_amount(usage: Decimal, amount_fen: int, fixed_fee_fen: int) -> None:
    bill = a_bill(PROVIDER, usage=usage, amount_fen=amount_fen)
    explanation = explanation_of(bill, [a_tariff(PROVIDER, *THREE_TIERS, fixed_fee_fen=fixed_fee_fen)])
    assert explanation is not None
    lines = sum(line.amount_fen for line in explanation.lines)
    assert lines + explanation.fixed_fee_fen + explanation.difference_fen == amount_fen


def test_a_bill_is_explained_by_the_tariff_that_gives_its_amount() -> None:
    residential = a_tariff(PROVIDER, (None, "2.300"))
    commercial = a_tariff(PROVIDER, (None, "4.000"), customer_class="commercial")
    bill = a_bill(PROVIDER, usage=Decimal(10), amount_fen=4000)
    explanation = explanation_of(bill, [commercial, residential])
    assert explanation is not None
    assert (explanation.tariff_id, explanation.difference_fen) == (commercial.tariff_id, 0)


def test_a_bill_that_no_tariff_gives_is_compared_with_the_residential_one() -> None:
    residential = a_tariff(PROVIDER, (None, "2.300"))
    commercial = a_tariff(PROVIDER, (None, "4.000"), customer_class="commercial")
    explanation = explanation_of(a_bill(PROVIDER, usage=Decimal(10), amount_fen=2299), [commercial, residential])
    assert explanation is not None
    assert (explanation.tariff_id, explanation.difference_fen) == (residential.tariff_id, -1)


def test_without_a_tariff_there_is_no_explanation() -> None:
    assert explanation_of(a_bill(PROVIDER), []) is None


def test_where_two_tariffs_fit_the_answer_names_both() -> None:
    residential = a_tariff(PROVIDER, (None, "4.000"))
    commercial = a_tariff(PROVIDER, (None, "4.000"), customer_class="commercial")
    industrial = a_tariff(PROVIDER, (None, "9.000"), customer_class="industrial")
    bill = a_bill(PROVIDER, usage=Decimal(10), amount_fen=4000)
    explanation = explanation_of(bill, [industrial, commercial, residential])
    assert explanation is not None
    assert (explanation.customer_class, explanation.stated) == ("residential", False)
    assert [other.tariff_id for other in explanation.also_fits] == [commercial.tariff_id]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({"customer_class": "commercial"}, "commercial"),
        ({"customer_class": "commercial", "unit": "m3"}, "commercial"),
        ({"unit": "GJ"}, None),
        ({"customer_class": "special"}, None),
        ({}, "residential"),
    ],
)
async def test_a_bill_is_explained_by_the_class_and_unit_that_it_states(
    tx: AsyncSession, stated: dict[str, str], expected: str | None
) -> None:
    provider_id = new_id()
    tx.add_all(a_tariff(provider_id, (None, "4.000"), customer_class=each) for each in ("residential", "commercial"))
    await tx.flush()
    bill = a_bill(provider_id, usage=Decimal(10), amount_fen=4000, **stated)
    explanation = explanation_of(bill, await tariffs_for(tx, bill))
    assert (explanation.customer_class if explanation else None) == expected
    assert explanation is None or (explanation.stated, len(explanation.also_fits)) == (bool(stated), int(not stated))


async def test_a_bill_is_explained_by_the_tariff_that_it_names(tx: AsyncSession) -> None:
    provider_id, stranger = new_id(), new_id()
    old = a_tariff(provider_id, (None, "3.000"), effective_from=date(2025, 1, 1))
    new = a_tariff(provider_id, (None, "4.000"))
    foreign = a_tariff(stranger, (None, "5.000"))
    withdrawn = a_tariff(provider_id, (None, "6.000"), withdrawn_at=now(), customer_class="commercial")
    tx.add_all([old, new, foreign, withdrawn])
    await tx.flush()
    for named, shown in ((old, old), (new, new), (foreign, None), (withdrawn, None)):
        bill = a_bill(provider_id, usage=Decimal(10), amount_fen=4000, tariff_id=named.tariff_id)
        explanation = explanation_of(bill, await tariffs_for(tx, bill))
        named_ids = explanation and (explanation.tariff_id, explanation.also_fits)
        assert named_ids == (shown and (shown.tariff_id, []))

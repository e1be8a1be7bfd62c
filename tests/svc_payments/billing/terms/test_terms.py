"""The terms document: validation, round trip, and the questions it answers."""

from datetime import datetime
from typing import Any

import pytest
from pydantic import ValidationError

from chassis.db import CHINA
from svc_payments.billing.terms.terms import NONE_AGREED, BillSource, ClosedHours, Fee, Terms, TopUp
from svc_payments.settings.channels import ChannelName


@pytest.mark.parametrize(
    "document",
    [
        {"bill_sources": []},
        {"bill_sources": ["top_up"]},
        {"top_up": {"amounts_fen": [100]}},
        {"bill_sources": ["top_up"], "top_up": {"amounts_fen": []}},
        {"bill_sources": ["top_up"], "top_up": {"amounts_fen": [100], "least_fen": 1, "most_fen": 2}},
        {"bill_sources": ["top_up"], "top_up": {"least_fen": 100}},
        {"bill_sources": ["top_up"], "top_up": {"least_fen": 200, "most_fen": 100}},
        {"channels": [{"channel": "sandbox"}, {"channel": "sandbox", "least_fen": 5}]},
        {"channels": [{"channel": "sandbox", "least_fen": 5, "most_fen": 4}]},
        {"channels": [{"channel": "carrier_pigeon"}]},
        {"late_fee": {"daily_ten_thousandths": 5.0}},
        {"late_fee": {"daily_ten_thousandths": 0}},
        {"late_fee": {"daily_ten_thousandths": 5, "rounding": "half_even"}},
        {"partial_payment": {"least_fen": -1}},
        {"advance_payment": {"most_fen": 10**30}},
        {"closed_hours": {"begin": "24:00", "end": "02:00"}},
        {"posting_limit_seconds": 0},
    ],
)
def test_invalid_terms_are_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Terms.model_validate(document)


def test_terms_read_back_as_they_were_written() -> None:
    terms = Terms.model_validate(
        {
            "bill_sources": ["inquiry", "top_up"],
            "late_fee": {"daily_ten_thousandths": 5, "source": "供水合同第十二条"},
            "top_up": {"least_fen": 1_000, "most_fen": 50_000, "step_fen": 1_000, "accounts": "any"},
            "channels": [{"channel": "sandbox", "most_fen": 500_000, "fee": {"basis_points": 38}}],
        }
    )
    assert Terms.model_validate_json(terms.model_dump_json()) == terms


def test_without_terms_the_defaults_apply() -> None:
    assert NONE_AGREED.bill_sources == (BillSource.PUSHED,)
    assert [each.channel for each in NONE_AGREED.usable([ChannelName.SANDBOX])] == [ChannelName.SANDBOX]
    assert (NONE_AGREED.late_fee, NONE_AGREED.partial_payment, NONE_AGREED.advance_payment) == (None, None, None)


def test_an_unlisted_channel_is_not_accepted() -> None:
    terms = Terms.model_validate({"channels": [{"channel": "wechat", "most_fen": 100}]})
    assert terms.limits(ChannelName.SANDBOX) is None
    assert [each.most_fen for each in terms.usable([ChannelName.SANDBOX, ChannelName.WECHAT])] == [100]


@pytest.mark.parametrize(
    ("at", "reopens"),
    [("22:59", None), ("23:00", "02T02:00"), ("23:59", "02T02:00"), ("00:00", "01T02:00"), ("02:00", None)],
)
def test_closed_hours_may_span_midnight(at: str, reopens: str | None) -> None:
    hours = ClosedHours(begin="23:00", end="02:00")
    moment = hours.reopens_at(datetime.fromisoformat(f"2026-11-01T{at}").replace(tzinfo=CHINA))
    assert (f"{moment:%dT%H:%M}" if moment else None) == reopens


def test_hours_within_a_day_and_none_at_all() -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=CHINA)
    assert ClosedHours(begin="11:30", end="12:30").reopens_at(noon) == noon.replace(minute=30)
    assert ClosedHours(begin="12:00", end="12:00").reopens_at(noon) is None


def test_sale_amounts_are_a_list_or_steps() -> None:
    listed, steps = TopUp(amounts_fen=(3_000, 1_000)), TopUp(least_fen=1_000, most_fen=3_000, step_fen=500)
    assert [fen for fen in (1_000, 1_500, 3_000, 3_500) if listed.sells(fen)] == [1_000, 3_000]
    assert [fen for fen in (999, 1_000, 1_500, 1_501, 3_000, 3_500) if steps.sells(fen)] == [1_000, 1_500, 3_000]
    assert listed.largest_fen == steps.largest_fen == 3_000


@pytest.mark.parametrize(("fen", "fee"), [(10_000, 38 + 10), (131, 10), (132, 11)])
def test_a_channel_fee_is_rounded_half_up(fen: int, fee: int) -> None:
    assert Fee(basis_points=38, fixed_fen=10).of(fen) == fee

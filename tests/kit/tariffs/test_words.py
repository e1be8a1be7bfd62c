"""What people read of a tariff: why a line is there, and why a definition is refused."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from chassis.problems import catalogue
from kit.tariffs.lines import Explanation
from kit.tariffs.rules import TariffRules
from tests.contracts.test_messages import refusing_sentences
from tests.kit.tariffs import examples
from tests.kit.tariffs.examples import by_usage, explained, rules, tier

LANGUAGES = ("zh", "en", "kk-Arab", "ug")
SEASON = {"first_day": "2025-10-15", "last_day": "2026-04-15", "area": "100"}
ROOMS = Path(__file__).parents[3] / "kit/tariffs"
LABELS = ROOMS.parent / "fields" / "labels.py"


def all_kinds() -> list[Explanation]:
    cold = [{"day": "2026-01-04", "degrees_below": "6"}]
    hours = {"peak": "100", "flat": "80", "valley": "60"}
    return [
        explained(examples.WATER, quantities={"m3": "400"}),
        explained(examples.ELECTRICITY, quantities=hours),
        explained(examples.GAS, quantities={"m3": "950"}),
        explained(examples.HEATING_BY_AREA, **SEASON, empty_home=True, cold_days=cold),
        explained(examples.HEATING_BY_AREA, area="80"),
        explained(examples.CABLE_TV, counts={"secondary_box": 2}, first_bill=True),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_says_why_in_every_language(language: str) -> None:
    reasons = [line.reason(language) for found in all_kinds() for line in found.lines]
    assert all(reasons)
    assert not [reason for reason in reasons if "{" in reason]
    assert len(set(reasons)) >= 14


def test_the_words_name_the_numbers() -> None:
    found = explained(examples.HEATING_BY_AREA, area="80")
    assert found.lines[0].reason("en") == "31 of the 183 days of the season, by area."
    assert found.lines[0].reason("zh") == "供暖季 183 天中的 31 天，按面积计。"


def test_a_component_is_named_in_the_language_of_the_reader() -> None:
    line = explained(examples.COMBINED_METER, quantities={"kWh": "1"}).lines[0]
    assert [line.named(language) for language in LANGUAGES] == ["基本水价", "Base price", "باعا", "باھا"]


def test_every_sentence_that_refuses_a_tariff_or_a_usage_is_translated() -> None:
    sentences = {sentence for file in (*ROOMS.glob("*.py"), LABELS) for sentence in refusing_sentences(file)}
    assert len(sentences) > 10
    for language in LANGUAGES:
        if language != "en":
            assert sentences == set(catalogue("kit")[language]["invalid_request"]), language


WRONG: dict[str, dict[str, Any]] = {
    "up_to": rules(by_usage("base", "m3", tier("2", "1"), tier("1", "2"), tier(None, "3"))),
    "no end": rules(by_usage("base", "m3", tier("2", "1"))),
    "own code": rules(examples.TIERED, examples.TIERED),
    "Arabic script": rules(by_usage("base", "m3", tier(None, "3"), name={**examples.named("价", "P"), "kk": "baga"})),
    "three decimals": rules(by_usage("base", "m3", tier("1.0001", "1"), tier(None, "3"))),
    "four decimals": rules(by_usage("base", "m3", tier(None, "1e3"))),
    "every year": rules(examples.area(season={"from_day": "02-29", "until_day": "04-15"})),
    "must rise": rules(examples.area(rebates=[examples.REBATES[1], examples.REBATES[0]])),
    "once": rules({**examples.BANDS, "bands": [{"band": "peak", "unit_price": "1"}] * 2}),
    "expected tags": rules({"type": "magic", "code": "x"}),
    "Extra inputs": rules({**examples.TIERED, "unit_prise": "1"}),
}


@pytest.mark.parametrize("reason", sorted(WRONG))
def test_a_tariff_that_cannot_be_meant_is_refused(reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        TariffRules.model_validate(WRONG[reason])


@pytest.mark.parametrize(
    ("usage", "reason"),
    [
        ({"last_day": "2025-12-31"}, "1 to 400"),
        ({"last_day": "2028-12-31"}, "1 to 400"),
        ({"last_day": "9999-12-31"}, "century"),
        ({"readings": [{"day": "2026-02-01", "used": {}}]}, "within the period"),
        ({"readings": [{"day": "2026-01-05", "used": {"m3": "2"}}], "quantities": {"m3": "1"}}, "must not fall"),
        ({"cold_days": [{"day": "2026-02-05", "degrees_below": "2"}]}, "cold days"),
        ({"quantities": {"m3": 5}}, "decimal string"),
        ({"quantities": {"m3": "-5"}}, "decimal string"),
    ],
)
def test_a_usage_that_cannot_be_meant_is_refused(usage: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        explained(examples.WATER, **usage)

"""ID numbers of citizens, residents from Hong Kong, Macao and Taiwan, and foreigners: which are valid."""

import pytest
import time_machine

from svc_identity.fields import normalise_id_number
from tests.svc_identity.identities import id_number, wrong_check


@pytest.mark.parametrize(
    ("division", "born"),
    [
        ("654002", "19900101"),  # a county code introduced after this birth
        ("654101", "19790630"),  # a code that was withdrawn
        ("110101", "20000229"),
        ("810000", "19940823"),
        ("820000", "19991220"),
        ("830000", "19550505"),
        ("965398", "19850101"),  # a foreigner from Kazakhstan who applied in Xinjiang
        ("911840", "20231201"),
        ("654022", "19000228"),
    ],
)
def test_any_real_division_and_day_is_accepted(division: str, born: str) -> None:
    number = id_number(division, born)
    assert normalise_id_number(number) == number


def test_full_width_lower_case_and_spaces_are_normalised() -> None:
    number = next(candidate for candidate in iter(id_number, None) if candidate.endswith("X"))
    wide = number[:17].translate(str.maketrans("0123456789", "０１２３４５６７８９")) + "ｘ"
    for typed in (wide, number.lower(), f" {number} "):
        assert normalise_id_number(typed) == number


@pytest.mark.parametrize(
    ("number", "because"),
    [
        ("", "17 digits"),
        ("123456789012345", "17 digits"),
        (id_number()[:-1], "17 digits"),
        (id_number() + "0", "17 digits"),
        ("٦٥٤٠٠٢١٩٩٠٠١٠١٠٠١X", "17 digits"),
        (id_number(division="000000"), "division"),
        (id_number(division="992301"), "division"),
        (id_number(division="900398"), "division"),
        (id_number(division="965398", born="19850230"), "date of birth"),
        (id_number(division="965398", born="29990101"), "date of birth"),
        (wrong_check(id_number(division="965398")), "check character"),
        (wrong_check(id_number(division="810000")), "check character"),
        ("KAZ110090123105", "exchange the card, or go to a counter"),
        ("ｋａｚ１１００９０１２３１０５", "exchange the card, or go to a counter"),
        (id_number(born="19900230"), "date of birth"),
        (id_number(born="19901301"), "date of birth"),
        (id_number(born="20230229"), "date of birth"),
        (id_number(born="18991231"), "date of birth"),
        (id_number(born="29990101"), "date of birth"),
        (wrong_check(id_number()), "check character"),
    ],
    ids=lambda value: value if " " in value else "",  # the reason; numbers are new in each process
)
def test_an_impossible_number_is_refused_with_its_reason_and_without_the_number(number: str, because: str) -> None:
    with pytest.raises(ValueError, match=because) as refused:
        normalise_id_number(number)
    assert not number or number not in str(refused.value)


def test_a_birth_date_of_today_in_china_is_accepted() -> None:
    today = id_number(born="20260302")
    with time_machine.travel("2026-03-01T16:30:00Z"):
        assert normalise_id_number(today) == today
    with time_machine.travel("2026-03-01T15:30:00Z"), pytest.raises(ValueError, match="date of birth"):
        normalise_id_number(today)

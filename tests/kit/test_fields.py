"""Fields that several services take: which values are right, and what is wrong with the others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn.uscc import calc_check_digit

from kit.fields.half_width import half_width
from kit.fields.id_number import id_number_fault, mask_id_number
from kit.fields.phones import NotAMobile, NotAPhone, mask_phone, mobile_number
from kit.fields.uscc import uscc_fault

CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
codes = st.builds(
    lambda kind, division, organisation: kind + division + organisation,
    st.text(CHARACTERS, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(CHARACTERS, min_size=9, max_size=9),
).map(lambda start: start + calc_check_digit(start))


@given(codes)
def test_a_code_with_its_check_character_is_accepted(code: str) -> None:
    assert uscc_fault(code) is None


@given(codes, st.integers(0, 17), st.sampled_from(CHARACTERS))
def test_one_wrong_character_is_always_found(code: str, place: int, other: str) -> None:
    changed = code[:place] + other + code[place + 1 :]
    if changed == code:
        return
    assert uscc_fault(changed) is not None


@given(codes, st.sampled_from(CHARACTERS))
def test_a_wrong_check_character_is_named(code: str, other: str) -> None:
    assert uscc_fault(code[:-1] + other) == (None if other == code[-1] else "check_character")


def test_a_rural_collective_has_a_code_too() -> None:
    start = "N2654022MF1234567"
    assert uscc_fault(start + calc_check_digit(start)) is None


def test_a_published_example_of_a_uscc_is_accepted() -> None:
    assert uscc_fault("91110000600037341L") is None  # the example of python-stdnum


@pytest.mark.parametrize(
    "written",
    [
        "",
        "9165400200000001",
        "91-654002-000001001-1",
        "9165400200000I00X1",
        "91654002MA000000I0",
        "91654002MA00000000000",
        "９１654002MA0000000",
        "９１654002MA00000000",
        "９１654002000001001X",
        "91654002ma00000000",
        "9" * 19,
    ],
)
def test_a_malformed_code_is_refused_for_its_shape(written: str) -> None:
    assert uscc_fault(written) == "shape"


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("11010519491231002X", None),  # the example of GB 11643
        ("11010519491231002x", "shape"),
        ("1101051949123100", "shape"),
        ("１1010519491231002X", "shape"),
        ("99010519491231002X", "province"),
        ("81000019900101001X", "check_character"),
        ("810000199408230021", None),
        ("830000199201300022", None),
        ("965840198501010012", None),
        ("965840198501010013", "check_character"),
        ("965840198502300014", "birth_date"),
        ("965840299901010016", "birth_date"),
        ("900840198501010012", "province"),
        ("KAZ110090123105", "former_card"),
        ("11010519491331002X", "birth_date"),
        ("11010518991231002X", "birth_date"),
        ("11010529991231002X", "birth_date"),
        ("110105194912310021", "check_character"),
    ],
)
def test_an_id_number_is_checked_part_by_part(number: str, fault: str | None) -> None:
    assert id_number_fault(number) == fault


@pytest.mark.parametrize(
    "typed",
    ["13800000001", "138 0000 0001", "138-0000-0001", "１３８０００００００１", "008613800000001", "+86 138 0000 0001"],
)
def test_a_mobile_number_is_one_however_it_is_typed(typed: str) -> None:
    assert mobile_number(typed) == "+8613800000001"


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", NotAPhone),
        ("phone", NotAPhone),
        ("09998022222", NotAMobile),
        ("12800000001", NotAMobile),
        ("+1 202 555 0100", NotAMobile),
        ("13800000001 ext 5", NotAMobile),
    ],
)
def test_another_number_is_no_mobile_number(typed: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        mobile_number(typed)


def test_phones_are_masked() -> None:
    assert mask_phone("+8613800000001") == "138****0001"


@given(st.text("0123456789", max_size=20))
def test_of_every_number_some_is_hidden(number: str) -> None:
    shown = mask_phone(number).replace("*", "")
    assert len(shown) == (7 if len(number) >= 11 else 0)
    masked = mask_id_number(number)
    assert len(masked) == len(number)
    assert not number or masked.count("*") >= min(len(number), 6)


def test_an_id_number_is_masked() -> None:
    assert mask_id_number("11010519491231002X") == "110***********002X"


def test_full_width_characters_become_ascii_ones() -> None:
    assert half_width("　９１６５４００２ＭＡ ") == "91654002MA"

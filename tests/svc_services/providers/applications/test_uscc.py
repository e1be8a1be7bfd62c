"""Unified social credit codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn.uscc import calc_check_digit

from svc_services.providers.applications.uscc import BadUscc, normalised

CHARACTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
codes = st.builds(
    lambda kind, division, organisation: kind + division + organisation,
    st.text(CHARACTERS, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(CHARACTERS, min_size=9, max_size=9),
).map(lambda start: start + calc_check_digit(start))


@given(codes)
def test_a_code_with_its_check_character_is_accepted(code: str) -> None:
    assert normalised(code) == code


@given(codes, st.integers(0, 17), st.sampled_from(CHARACTERS))
def test_one_wrong_character_is_always_found(code: str, place: int, other: str) -> None:
    changed = code[:place] + other + code[place + 1 :]
    if changed == code:
        return
    with pytest.raises(BadUscc):
        normalised(changed)


@given(codes)
def test_spaces_and_lower_case_are_normalised(code: str) -> None:
    assert normalised(f" {code[:8]} {code[8:].lower()}\t") == code


def test_a_rural_collective_has_a_code_too() -> None:
    start = "N2654022MF1234567"
    assert normalised(start + calc_check_digit(start)).startswith("N2")


@pytest.mark.parametrize(
    "written", ["", "9165400200000001", "91-654002-000001001-1", "9165400200000I00X1", "９１654002000001001X", "9" * 19]
)
def test_a_malformed_code_is_refused_for_its_shape(written: str) -> None:
    with pytest.raises(BadUscc) as refused:
        normalised(written)
    assert refused.value.values == {"reason": "shape"}

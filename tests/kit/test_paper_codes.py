"""Verification codes: unguessable, easy to type, with typing errors detected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.papers import codes

CODES = st.text(codes.ALPHABET, min_size=codes.LENGTH - 1, max_size=codes.LENGTH - 1).map(
    lambda drawn: drawn + codes.check_character(drawn)
)


def test_codes_are_drawn_from_more_than_eighty_bits() -> None:
    assert len(codes.ALPHABET) ** (codes.LENGTH - 1) > 2**80
    assert len({codes.new_code() for _ in range(1_000)}) == 1_000


@given(CODES)
def test_a_code_is_read_as_it_was_printed(code: str) -> None:
    assert codes.read(codes.shown(code)) == code


@given(CODES, st.integers(0, codes.LENGTH - 1), st.sampled_from(codes.ALPHABET))
def test_any_single_wrong_character_is_detected(code: str, place: int, other: str) -> None:
    wrong = code[:place] + other + code[place + 1 :]
    assert (codes.read(wrong) == code) == (wrong == code)


def test_nearly_all_swapped_neighbours_are_detected() -> None:
    swaps = missed = 0
    for code in (codes.new_code() for _ in range(500)):
        for place in range(codes.LENGTH - 1):
            swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
            swaps += swapped != code
            missed += swapped != code and codes.read(swapped) == swapped
    assert missed < swaps / 100


@pytest.mark.parametrize(
    "typed", ["", "x", "0" * 20, "O" * 20, "2" * 500, "２" * 19, "\x00" * 20, "..-/", "ﬁ" * 20, "٢" * 20]
)
def test_malformed_input_is_no_code(typed: str) -> None:
    assert codes.read(typed) is None


def test_spaces_small_letters_and_full_width_are_read() -> None:
    code = codes.new_code()
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code)
    assert {codes.read(f"  {code.lower()} "), codes.read(wide), codes.read(" ".join(code))} == {code}

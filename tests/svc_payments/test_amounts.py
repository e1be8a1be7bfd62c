"""Amounts in digits and in capital numerals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from svc_payments.amounts import LARGEST, in_capitals, in_digits

# The examples of 正确填写票据和结算凭证的基本规定 itself; where it allows two ways, the one that writes 零.
OF_THE_RULE = {
    140_950: "人民币壹仟肆佰零玖元伍角",
    600_714: "人民币陆仟零柒元壹角肆分",
    168_032: "人民币壹仟陆佰捌拾元零叁角贰分",
    10_700_053: "人民币壹拾万柒仟元零伍角叁分",
    1_640_902: "人民币壹万陆仟肆佰零玖元零贰分",
    32_504: "人民币叁佰贰拾伍元零肆分",
}
FURTHER = {
    0: "人民币零元整",
    5: "人民币伍分",
    50: "人民币伍角",
    53: "人民币伍角叁分",
    1_000: "人民币壹拾元整",
    1_001: "人民币壹拾元零壹分",
    10_000_00: "人民币壹万元整",
    10_001_00: "人民币壹万零壹元整",
    100_100_00: "人民币壹拾万零壹佰元整",
    100_000_000_00: "人民币壹亿元整",
    100_010_000_00: "人民币壹亿零壹万元整",
    100_000_001_00: "人民币壹亿零壹元整",
    2_000_100_000_000_00: "人民币贰万亿零壹亿元整",
    LARGEST: "人民币" + "玖仟玖佰玖拾玖万亿" + "玖仟玖佰玖拾玖亿" + "玖仟玖佰玖拾玖万" + "玖仟玖佰玖拾玖元玖角玖分",
}
_DIGITS = "零壹贰叁肆伍陆柒捌玖"


@pytest.mark.parametrize("fen", OF_THE_RULE)
def test_examples_of_the_rule(fen: int) -> None:
    assert in_capitals(fen) == OF_THE_RULE[fen]


@pytest.mark.parametrize("fen", FURTHER)
def test_zeros_are_written_once_and_only_where_needed(fen: int) -> None:
    assert in_capitals(fen) == FURTHER[fen]


@given(st.integers(0, LARGEST))
def test_capital_numerals_can_be_read_back(fen: int) -> None:
    numerals = in_capitals(fen)
    assert _read(numerals) == fen
    assert "零零" not in numerals


@pytest.mark.parametrize("fen", [-1, LARGEST + 1])
def test_what_has_no_capital_numerals_is_refused(fen: int) -> None:
    with pytest.raises(OverflowError, match="capital numerals"):
        in_capitals(fen)


def test_digits_have_their_sign_and_separators() -> None:
    assert [in_digits(fen) for fen in (0, 5, 168_032, -123_456_700)] == [
        "¥0.00",
        "¥0.05",
        "¥1,680.32",
        "-¥1,234,567.00",
    ]


def _read(numerals: str) -> int:
    """The amount that capital numerals stand for."""
    whole, _, rest = numerals.removeprefix("人民币").removesuffix("整").rpartition("元")
    yuan = 0
    # 万亿 before 亿: the longer name holds the shorter one.
    for name, factor in (("万亿", 10**12), ("亿", 10**8), ("万", 10**4)):
        group, found, after = whole.partition(name)
        if found:
            yuan, whole = yuan + _read_four(group) * factor, after
    yuan += _read_four(whole)
    fen = sum(
        _DIGITS.index(rest[rest.index(unit) - 1]) * factor for unit, factor in (("角", 10), ("分", 1)) if unit in rest
    )
    return yuan * 100 + fen


def _read_four(group: str) -> int:
    total, digit = 0, 0
    for character in group:
        if character in _DIGITS:
            digit = _DIGITS.index(character)
        else:
            total += digit * {"拾": 10, "佰": 100, "仟": 1000}[character]
            digit = 0
    return total + digit

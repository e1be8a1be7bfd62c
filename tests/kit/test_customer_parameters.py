"""Declarations of account numbers: which are accepted, and which numbers fit them."""

import re
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn, verhoeff
from stdnum.iso7064 import mod_11_10, mod_97_10

from kit.fields.check_rules import CheckRule, check_of
from kit.fields.customer_parameters import (
    TEN_DIGITS,
    CustomerParameters,
    NumberDoesNotFit,
    canonical,
    declared,
)
from kit.fields.number_patterns import NotAPattern, number_pattern

STDNUM: Mapping[CheckRule, ModuleType] = {
    CheckRule.MOD_11_10: mod_11_10,
    CheckRule.LUHN: luhn,
    CheckRule.VERHOEFF: verhoeff,
    CheckRule.MOD_97_10: mod_97_10,
}
rules = st.sampled_from(sorted(STDNUM))
digits = st.text("0123456789", min_size=4, max_size=32)


def declaration(**changes: Any) -> CustomerParameters:  # noqa: ANN401 - JSON
    return CustomerParameters.model_validate(TEN_DIGITS.model_dump() | changes)


@given(rules, digits | st.text("0123456789", min_size=10, max_size=10))
def test_a_check_rule_agrees_with_python_stdnum_on_any_digits(rule: CheckRule, number: str) -> None:
    assert check_of(rule)(number) == STDNUM[rule].is_valid(number)


@given(rules, digits.map(lambda number: number[:30]))
def test_a_number_completed_by_python_stdnum_passes(rule: CheckRule, start: str) -> None:
    library = STDNUM[rule]
    added = library.calc_check_digits(start) if rule is CheckRule.MOD_97_10 else library.calc_check_digit(start)
    assert check_of(rule)(f"{start}{added}")


@given(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=4, max_size=32))
def test_mod_97_10_takes_capital_letters_too(number: str) -> None:
    assert check_of(CheckRule.MOD_97_10)(number) == mod_97_10.is_valid(number)
    assert check_of(CheckRule.MOD_97_10)(number + mod_97_10.calc_check_digits(number))


@given(rules, digits.map(lambda number: number[:30]), st.data())
def test_one_mistyped_digit_is_always_found(rule: CheckRule, start: str, data: st.DataObject) -> None:
    library = STDNUM[rule]
    added = library.calc_check_digits(start) if rule is CheckRule.MOD_97_10 else library.calc_check_digit(start)
    number = f"{start}{added}"
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[place]]))
    assert not check_of(rule)(number[:place] + other + number[place + 1 :])


@given(digits)
def test_without_a_rule_every_number_passes(number: str) -> None:
    assert check_of(CheckRule.NONE)(number)


@pytest.mark.parametrize(
    ("pattern", "least", "most", "fitting", "unfitting"),
    [
        ("1[3-9][0-9]{9}", 11, 11, "13800138000", "12800138000"),
        ("^[0-9]{13}$", 13, 13, "0065400212345", "065400212345"),
        ("8[0-9]{15}", 16, 16, "8654002100000012", "9654002100000012"),
        ("KT-[A-Z]{0,2}[0-9]{6}", 9, 11, "KT-AB654002", "KTAB654002"),
        ("[0-9A-F]{6,8}", 6, 8, "00AF12", "00AG12"),
        ("ABCD", 4, 4, "ABCD", "ABCDE"),
    ],
)
def test_a_pattern_is_read_with_its_lengths(pattern: str, least: int, most: int, fitting: str, unfitting: str) -> None:
    read = number_pattern(pattern)
    assert (read.least, read.most) == (least, most)
    assert re.fullmatch(read.text, fitting)
    assert not re.fullmatch(read.text, unfitting)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "^$",
        "[0-9]+",
        "[0-9]*",
        "[0-9]{4,}",
        "([0-9]{2}){5}",
        "(a+)+$",
        "[0-9]{4}|[0-9]{6}",
        "[^0-9]{4}",
        r"\d{10}",
        ".{10}",
        "[0-9]{10}?",
        "[0-9]{4}++",
        "[a-z]{6}",
        "[0-Z]{6}",
        "[9-0]{6}",
        "[]{6}",
        "[0-9]{6",
        "[0-9]{0}",
        "[0-9]{5,4}",
        "[0-9]{3}",
        "[0-9]{33}",
        "[0-9]{99}",
        "[0-9]{1,16}[0-9]{1,16}",
        "[0-9]{0,4}[0-9]{0,4}[0-9]{0,4}[0-9]{0,4}[0-9]{0,4}X",
        "[０-９]{10}",
        "户[0-9]{9}",
        "[0-9]{10}\n",
        "^^[0-9]{10}$$",
        "[0-9]{9} ",
        "[0-9]" * 33,
    ],
)
def test_what_is_no_row_of_bounded_classes_is_refused(pattern: str) -> None:
    with pytest.raises(NotAPattern):
        number_pattern(pattern)


@given(st.text("0123456789AZaz[]{}()|*+?.^$\\-, ", max_size=30))
def test_an_accepted_pattern_is_anchored_bounded_and_compiles(written: str) -> None:
    try:
        read = number_pattern(written)
    except NotAPattern:
        return
    assert read.text.startswith("^")
    assert read.text.endswith("$")
    assert 4 <= read.least <= read.most <= 32
    re.compile(read.text)
    assert set(read.text) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ[]{},-^$")


@given(st.from_regex(re.compile(r"\A(?:[0-9A-F]|\[[0-9A-F]-F\]|\[0-9\]\{[1-6]\}){1,9}\Z")), st.data())
def test_a_pattern_means_what_regular_expressions_mean_by_it(written: str, data: st.DataObject) -> None:
    try:
        read = number_pattern(written)
    except NotAPattern:
        return
    number = data.draw(st.from_regex(re.compile(written), fullmatch=True).filter(str.isascii))
    assert read.least <= len(number) <= read.most
    assert set(number) <= read.characters
    assert number[0] in read.first


def test_the_hardest_pattern_is_matched_at_once() -> None:
    hardest = declaration(pattern="[0-9A-Z]{0,31}X", min_length=4, max_length=32, check_rule="none", example="AAAX")
    # Its fewest characters are too few for a number, so that nobody declares it; matching is bounded all the same.
    assert declared(hardest) == "pattern"
    kept = declared(
        declaration(pattern="[0-9A-Z]{3,31}X", min_length=4, max_length=32, check_rule="none", example="AAAX")
    )
    assert isinstance(kept, CustomerParameters)
    began = time.perf_counter()
    for _ in range(1_000):
        assert kept.fault("X" * 31 + "Y") == "shape"
    assert time.perf_counter() - began < 1


def test_the_rule_of_before_is_a_good_declaration() -> None:
    assert declared(TEN_DIGITS) == TEN_DIGITS


def test_a_declaration_is_kept_with_anchors_and_its_example_as_numbers_are_kept() -> None:
    kept = declared(
        declaration(pattern="[A-Z]{2}[0-9]{4}", min_length=6, max_length=6, check_rule="none", example="ａｂ 12３４")
    )
    assert isinstance(kept, CustomerParameters)
    assert (kept.pattern, kept.example) == ("^[A-Z]{2}[0-9]{4}$", "AB1234")


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"label": {"zh": "户号", "en": "Account", "kk": "Тұтынушы нөмірі", "ug": "ئابونت نومۇرى"}}, "label"),
        ({"label": {"zh": "户号", "en": "Account", "kk": "تۇتىنۋشى", "ug": "Abonent"}}, "label"),
        ({"label": {"zh": "户号", "en": "Account", "kk": "10", "ug": "ئابونت"}}, "label"),
        ({"pattern": "[0-9]+"}, "pattern"),
        ({"min_length": 9}, "length"),
        ({"max_length": 11}, "length"),
        ({"min_length": 11}, "length"),
        ({"pattern": "[0-9A-F]{10}"}, "check_rule"),
        ({"pattern": "[0-9A-F]{10}", "check_rule": "luhn"}, "check_rule"),
        ({"pattern": "[0-9]{9}-", "check_rule": "mod_97_10"}, "check_rule"),
        # Its two check digits could not be digits.
        ({"pattern": "[A-Z]{10}", "check_rule": "mod_97_10"}, "check_rule"),
        ({"pattern": "[0-9]{9}[A-Z0-9]", "check_rule": "mod_97_10"}, "check_rule"),
        ({"pattern": "[0-9]{8}[A-Z][0-9]", "check_rule": "mod_97_10"}, "check_rule"),
        ({"example": "1234567891"}, "example"),
        ({"example": "123456789"}, "example"),
        ({"check_rule": "verhoeff"}, "example"),
    ],
)
def test_what_is_wrong_with_a_declaration_is_named(changes: dict[str, Any], fault: str) -> None:
    assert declared(declaration(**changes)) == fault


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0012345678", "0012345678"),
        ("００１２３４５６７８", "0012345678"),
        (" 8654 0021 0000 0012 ", "8654002100000012"),
        ("8654\u30000021\u00a000000012", "8654002100000012"),
        ("kt-００a", "KT-00A"),
        ("ｋｔ－１", "KT-1"),
    ],
)
def test_a_number_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert canonical(typed) == kept


@pytest.mark.parametrize(
    "typed", ["123456789٧", "१२३४५६७८९७", "①234567897", "123456789⁷", "123456789\n7", "ſ234567897"]
)
def test_what_only_looks_like_a_digit_does_not_fit(typed: str) -> None:
    assert TEN_DIGITS.fault(canonical(typed)) == "shape"


@given(st.text(max_size=70))
def test_the_form_of_a_number_is_final(typed: str) -> None:
    assert canonical(canonical(typed)) == canonical(typed)


def test_a_number_of_variable_length_may_hide_lost_zeros() -> None:
    def hides(pattern: str, least: int, most: int) -> bool:
        return declaration(pattern=pattern, min_length=least, max_length=most).hides_lost_zeros

    assert hides("[0-9]{8,12}", 8, 12)
    assert hides("[1-9]{0,2}[0-9]{8}", 8, 10)
    assert not hides("[1-9][0-9]{7,11}", 8, 12)
    assert not hides("[0-9]{10}", 10, 10)


@pytest.mark.parametrize(
    ("language", "label"),
    [
        ("zh", "户号"),
        ("en", "Account number"),
        ("kk-Arab", TEN_DIGITS.label.kk),
        ("ug", TEN_DIGITS.label.ug),
        ("ru", "户号"),
    ],
)
def test_a_reader_gets_the_label_in_their_language(language: str, label: str) -> None:
    assert TEN_DIGITS.described(language)["label"] == label


def test_the_length_is_said_as_a_range_where_it_is_one() -> None:
    assert TEN_DIGITS.described("en")["length"] == "10"
    assert declaration(pattern="[0-9]{8,12}", min_length=8, max_length=12).described("en")["length"] == "8–12"


def test_a_refusal_has_the_declaration_as_members() -> None:
    class Refused(NumberDoesNotFit):
        status, code = 422, "not_in_any_catalogue"

    content = Refused(TEN_DIGITS, reason="shape").render("en")
    shown = {name: content[name] for name in ("reason", "label", "pattern", "min_length", "max_length", "example")}
    assert shown == {
        "reason": "shape",
        "label": "Account number",
        "pattern": "^[0-9]{10}$",
        "min_length": 10,
        "max_length": 10,
        "example": "1234567897",
    }

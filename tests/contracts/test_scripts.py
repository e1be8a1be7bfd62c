"""Kazakh and Uyghur as they are written in Ili: in Arabic script, complete, with the same values as the Chinese."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from chassis.text import nearest_tag

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(
    str(file.parent.relative_to(ROOT))
    for package in ("chassis", "kit", "gateway", "svc_identity", "svc_services", "svc_payments", "svc_miniapps")
    for file in (ROOT / package).rglob("zh.json")
)
LETTERS = {
    # No ء (U+0621): the high hamza ٴ (U+0674) is the letter that softens a Kazakh word.
    "kk-Arab": frozenset("ابۆگعدەجزيكقلمنڭوپرستۋۇفحھچشىٴ"),
    "ug": frozenset("ئابپتجچخدرزژسشغفقكگڭلمنھوۇۆۈۋېىيە"),
}
ARABIC_PUNCTUATION = frozenset("،؛؟")
NAMES = frozenset({"WeChat", "Pay", "Alipay", "UnionPay"})
"""Brands whose Chinese name is Chinese; every other Latin word also stands in the Chinese text."""
_OF_A_CATALOGUE = {"tag", "direction", "name"}


def leaves(folder: str, tag: str) -> dict[tuple[str, ...], str]:
    return dict(_leaves(json.loads((ROOT / folder / f"{tag}.json").read_text("utf-8"))))


def _leaves(words: Mapping[str, Any], *above: str) -> Iterator[tuple[tuple[str, ...], str]]:
    for key, value in words.items():
        if isinstance(value, str):
            yield (*above, key), value
        else:
            yield from _leaves(value, *above, key)


def values_named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def literals(text: str) -> set[str]:
    """Latin words outside the placeholders."""
    return set(re.findall(r"[A-Za-z]+", re.sub(r"\{[^}]*\}", " ", text)))


def test_the_catalogues_are_found() -> None:
    assert {"chassis/messages", "svc_miniapps/packages/messages", "svc_identity/texts"} <= set(FOLDERS)
    assert "svc_payments/documents/receipts/words" in FOLDERS


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_catalogue_is_in_four_languages_that_name_their_script(folder: str) -> None:
    tags = {file.stem for file in (ROOT / folder).glob("*.json")}
    assert tags == {"zh", "en", "kk-Arab", "ug"}
    assert nearest_tag("kk-CN", tags) == "kk-Arab"


@pytest.mark.parametrize("tag", LETTERS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_no_language_is_half_filled(folder: str, tag: str) -> None:
    chinese, theirs = leaves(folder, "zh"), leaves(folder, tag)
    assert theirs.keys() == chinese.keys()
    assert all(text.strip() for text in theirs.values())
    for key, text in theirs.items():
        assert values_named(text) == values_named(chinese[key]), key


@pytest.mark.parametrize("tag", LETTERS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_only_the_letters_of_the_language_are_used(folder: str, tag: str) -> None:
    for key, text in leaves(folder, tag).items():
        arabic = {each for each in text if unicodedata.name(each, "").startswith("ARABIC")}
        assert arabic <= LETTERS[tag] | ARABIC_PUNCTUATION, key
        others = {each for each in text if each.isalpha() and not each.isascii()} - arabic
        assert not others, key


@pytest.mark.parametrize("tag", LETTERS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_latin_word_is_a_name_or_a_code_that_the_chinese_text_has_too(folder: str, tag: str) -> None:
    chinese = leaves(folder, "zh")
    for key, text in leaves(folder, tag).items():
        if key[-1] not in _OF_A_CATALOGUE:
            assert literals(text) <= literals(chinese[key]) | NAMES, key


@pytest.mark.parametrize("folder", FOLDERS)
def test_kazakh_softens_a_word_once_and_only_where_no_letter_does(folder: str) -> None:
    for key, text in leaves(folder, "kk-Arab").items():
        for word in re.findall(r"[\u0620-\u06ff]+", text):
            assert "ٴ" not in word[1:], (key, word)
            assert not (word.startswith("ٴ") and re.search("[ەكگ]", word)), (key, word)


@pytest.mark.parametrize("tag", LETTERS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_code_that_would_be_turned_round_is_isolated(folder: str, tag: str) -> None:
    """2026-01-31 behind an Arabic letter is shown 31-01-2026, /docs as docs/, unless it is isolated."""
    for key, text in leaves(folder, tag).items():
        assert text.count("\u2066") + text.count("\u2068") == text.count("\u2069"), key
        bare = re.sub(r"\u2066[^\u2069]*\u2069", " ", text)
        assert not re.search(r"\d-\d|/\w|\w/|(?<!\w)\.\w|\}\.?[A-Za-z]|[A-Za-z.]\{", bare), key

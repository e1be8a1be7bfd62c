"""The languages that clients ask for, by RFC 4647 and RFC 9110."""

import time

import pytest

from chassis.text import nearest_tag, preferred_tag

SPOKEN = frozenset({"zh", "en", "kk-Arab", "ug"})
TWO_SCRIPTS = frozenset({"zh", "kk", "kk-Arab"})


@pytest.mark.parametrize(
    ("requested", "found"),
    [
        ("kk-Arab", "kk-Arab"),
        ("KK-ARAB", "kk-Arab"),
        ("kk-arab-CN", "kk-Arab"),
        ("kk-Arab-CN-x-ili", "kk-Arab"),
        ("kk-Cyrl-KZ", "kk"),
        ("kk", "kk"),
        ("kkk", None),
        ("fr-kk", None),
        ("-", None),
        ("", None),
    ],
)
def test_a_script_is_kept_where_there_are_words_in_it(requested: str, found: str | None) -> None:
    assert nearest_tag(requested, TWO_SCRIPTS) == found


@pytest.mark.parametrize(
    "requested", ["kk", "kk-CN", "kk-KZ", "kk-Cyrl", "kk-Cyrl-KZ", "kk-Latn", "kk-Arab", "Kk-aRAB-cn"]
)
def test_kazakh_in_any_script_finds_the_script_there_is(requested: str) -> None:
    assert nearest_tag(requested, SPOKEN) == "kk-Arab"
    assert preferred_tag(f"fr, {requested};q=0.9, zh;q=0.5", SPOKEN, "zh") == "kk-Arab"
    assert preferred_tag("en", SPOKEN, "zh", requested) == "kk-Arab"


@pytest.mark.parametrize(
    "requested", ["kk_CN", "kk Arab", "kk-", "-kk", "kk--Arab", "kk-Arab-", "қазақша", "kk-Arabarabarab", "*"]
)
def test_what_is_no_tag_finds_nothing(requested: str) -> None:
    assert nearest_tag(requested, SPOKEN) is None


@pytest.mark.parametrize(
    ("accept_language", "language"),
    [
        ("fr, kk-Arab-CN;q=0.9, kk;q=0.8", "kk-Arab"),
        ("zh;q=0.2, ug;q=0.9, en;q=0.5", "ug"),
        ("zh ; q=0.2 ,\tug;q=0.9", "ug"),
        ("zh;Q=0.2,ug;Q=0.9", "ug"),
        ("en;q=0.5, ug;q=0.5", "en"),
        ("en;q=0, ug;q=0.001", "ug"),
        ("en;q=0.000", "zh"),
        ("*", "zh"),
        ("*, en;q=0.1", "en"),
        ("fr, *;q=0.5", "zh"),
        ("en;q=nan, ug", "ug"),
        ("en;q=2, ug;q=0.1", "ug"),
        ("en;q=-1, ug;q=0.1", "ug"),
        ("en;q=1e0, ug;q=0.1", "ug"),
        ("en;q=0.1234, ug;q=0.1", "ug"),
        ("en;q=, ug;q=0.1", "ug"),
        ("en;level=1, ug;q=0.1", "ug"),
        (";;q=,,,", "zh"),
        ("\x00en\u2028, ug;q=0.1", "ug"),
        ("", "zh"),
    ],
)
def test_the_best_weight_wins_and_a_malformed_entry_is_skipped(accept_language: str, language: str) -> None:
    assert preferred_tag(accept_language, SPOKEN, "zh") == language


@pytest.mark.parametrize(
    "hostile",
    [
        ",".join(["fr"] * 100_000 + ["en"]),
        ",".join(f"x{number}-y;q=0.9" for number in range(50_000)) + ",en",
        "en-" * 100_000,
        "e" + " " * 300_000 + "n",
        "en;q=0." + "0" * 300_000,
        "," * 300_000 + "en",
    ],
    ids=["many", "many more", "long tag", "spaces", "digits", "commas"],
)
def test_a_hostile_header_costs_little_and_finds_the_default(hostile: str) -> None:
    begun = time.process_time()
    assert preferred_tag(hostile, SPOKEN, "zh") == "zh"
    assert preferred_tag("", SPOKEN, "zh", hostile.replace(",", " ").replace("e", "f")) == "zh"
    assert time.process_time() - begun < 0.2

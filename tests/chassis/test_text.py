"""The languages that clients ask for."""

import pytest

from chassis.problems import preferred_language
from chassis.text import nearest_tag

TWO_SCRIPTS = frozenset({"zh", "kk", "kk-Arab"})


@pytest.mark.parametrize(
    ("requested", "found"),
    [
        ("kk-Arab", "kk-Arab"),
        ("KK-ARAB", "kk-Arab"),
        ("kk-arab-CN", "kk-Arab"),
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


def test_who_reads_one_script_is_not_given_the_other() -> None:
    assert nearest_tag("kk-KZ", {"zh", "kk-Arab"}) is None


def test_the_header_asks_for_scripts_too() -> None:
    assert preferred_language("fr, kk-Arab-CN;q=0.9, kk;q=0.8", TWO_SCRIPTS) == "kk-Arab"
    assert preferred_language("kk;q=0.8, kk-Arab-CN;q=0.7", TWO_SCRIPTS) == "kk"

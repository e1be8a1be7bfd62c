"""The values in a message, as the reader's script needs them."""

import pytest

from chassis.problems import IllegalMove, Problem, Values, preferred_language


@pytest.mark.parametrize(
    ("language", "shown"), [("zh", "{}"), ("en", "{}"), ("kk-Arab", "\u2068{}\u2069"), ("ug", "\u2068{}\u2069")]
)
def test_text_from_right_to_left_keeps_a_value_in_its_own_direction(language: str, shown: str) -> None:
    content = IllegalMove(current="2026-01-31", wanted="¥-12.34").render(language)
    assert shown.format("2026-01-31") in content["detail"]
    assert shown.format("¥-12.34") in content["detail"]
    assert (content["current"], content["wanted"]) == ("2026-01-31", "¥-12.34"), "a member is not text"


@pytest.mark.parametrize(
    ("language", "listed"),
    [("zh", "a、b"), ("en", "a, b"), ("kk-Arab", "\u2068a، b\u2069"), ("ug", "\u2068a، b\u2069")],
)
def test_a_list_is_joined_as_the_language_does(language: str, listed: str) -> None:
    assert "{names}".format_map(Values({"names": ["a", "b"]}, language)) == listed


def test_a_value_may_look_like_a_placeholder() -> None:
    assert "{name}".format_map(Values({"name": "{0} {name!r}"}, "ug")) == "\u2068{0} {name!r}\u2069"
    assert "{missing}".format_map(Values({}, "zh")) == "{missing}"


def test_a_code_without_a_text_of_its_own_is_in_chinese_and_an_unknown_one_shows_itself() -> None:
    class Nameless(Problem):
        status, code = 409, "no_text_anywhere"

    assert Nameless().render("kk-Arab")["title"] == "no_text_anywhere"
    assert IllegalMove(current="a", wanted="b").render("fr")["title"] == "当前状态不能这样操作"


def test_a_reader_of_no_known_language_gets_chinese() -> None:
    assert [preferred_language(header) for header in ("", "fr", "*", "kk", "kk-Cyrl", "en-GB")] == [
        "zh",
        "zh",
        "zh",
        "kk-Arab",
        "kk-Arab",
        "en",
    ]

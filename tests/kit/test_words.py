"""Catalogues of words, and the language a reader gets."""

from pathlib import Path

import pytest

from kit.words import catalogues, choose

OURS = ("zh", "en", "kk-Arab", "ug")
WITH_SCRIPTS = ("zh", "en", "kk", "kk-Arab", "ug")


@pytest.mark.parametrize(
    ("ui_locales", "accept_language", "language"),
    [
        ("", "", "zh"),
        ("", "en-GB,zh;q=0.5", "en"),
        ("", "zh;q=0.2, ug;q=0.9, en;q=0.5", "ug"),
        ("", "zh; q=0.2, ug; q=0.9", "ug"),
        ("", "en;q=0, ug;q=0.1", "ug"),
        ("", "en;q=x,;;q=,", "zh"),
        ("", "fr, *", "zh"),
        ("kk-Arab en", "zh", "kk-Arab"),
        ("kk-Cyrl en", "zh", "kk-Arab"),
        ("fr ug", "en", "ug"),
        ("fr", "en", "en"),
        ("zh", "en", "zh"),
        ("x" * 5_000 + "-" * 5_000, ",".join(["fr"] * 5_000), "zh"),
    ],
)
def test_the_apps_wish_goes_before_the_browsers(ui_locales: str, accept_language: str, language: str) -> None:
    assert choose(OURS, accept_language, ui_locales) == language


@pytest.mark.parametrize(
    ("requested", "language"), [("kk-Arab", "kk-Arab"), ("kk-Arab-CN", "kk-Arab"), ("kk-KZ", "kk"), ("kk-Cyrl", "kk")]
)
def test_a_script_is_never_dropped_where_there_are_words_in_it(requested: str, language: str) -> None:
    assert choose(WITH_SCRIPTS, requested) == language
    assert choose(WITH_SCRIPTS, "en", requested) == language


def test_a_folder_has_a_language_for_each_file_and_chinese_first(tmp_path: Path) -> None:
    for name in ("kk-Arab", "en", "zh"):
        (tmp_path / f"{name}.json").write_text(f'{{"name": "{name} ئىلى"}}', "utf-8")
    (tmp_path / "notes.txt").write_text("not a language", "utf-8")
    found = catalogues(tmp_path)
    assert list(found) == ["zh", "en", "kk-Arab"]
    assert found["kk-Arab"] == {"name": "kk-Arab ئىلى"}

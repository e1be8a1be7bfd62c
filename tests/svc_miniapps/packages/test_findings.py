"""The words of findings: there for each, in both languages, and safe to answer with whatever a file holds."""

import json
import re
from pathlib import Path
from string import Formatter

import pytest

from chassis.problems import catalogue
from svc_miniapps.packages import findings
from svc_miniapps.packages.findings import Finding, PackageRefused

SLICE = Path(findings.__file__).parent
USED = {
    code
    for file in SLICE.glob("*.py")
    for code in re.findall(r'"([a-z0-9_]+)"', file.read_text("utf-8"))
    if code in catalogue("svc_miniapps.packages")["zh"]
} | {code for file in SLICE.glob("*.py") for code in re.findall(r'Finding\(\s*"([a-z0-9_]+)"', file.read_text("utf-8"))}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_finding_has_words_and_none_are_left_over(language: str) -> None:
    words = catalogue("svc_miniapps.packages")[language]
    assert set(words) == USED
    assert all(set(text) == {"title", "detail"} and all(text.values()) for text in words.values())


def test_both_languages_name_the_same_values() -> None:
    words = catalogue("svc_miniapps.packages")
    for code in words["zh"]:
        named = [
            {name for _, name, _, _ in Formatter().parse("".join(words[language][code].values())) if name}
            for language in ("zh", "en")
        ]
        assert named[0] == named[1], code


def test_a_reader_of_another_language_gets_chinese() -> None:
    assert Finding("encrypted", "a.js").render("kk")["message"] == "文件 a.js 已加密"


def test_names_that_no_answer_can_hold_are_answered_readably() -> None:
    rendered = PackageRefused([Finding("encrypted", "\ud800{member}" + "x" * 70_000)]).render("en")
    (finding,) = rendered["findings"]
    assert finding["member"].startswith("?{member}xxx")
    assert len(json.dumps(rendered, ensure_ascii=False).encode()) < 2_000


def test_a_flood_of_findings_is_cut_and_counted() -> None:
    rendered = PackageRefused([Finding("encrypted", f"{place}.js") for place in range(2_000)]).render("zh")
    assert (rendered["count"], len(rendered["findings"])) == (2_000, 100)

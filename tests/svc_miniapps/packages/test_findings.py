"""Messages of findings: complete, in both languages, and safe for whatever a file holds."""

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
def test_findings_and_messages_match_one_to_one(language: str) -> None:
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


def test_other_languages_fall_back_to_chinese() -> None:
    assert Finding("encrypted", "a.js").render("fr")["message"] == "文件 a.js 已加密"


def test_names_with_invalid_characters_are_escaped() -> None:
    rendered = PackageRefused([Finding("encrypted", "\ud800{member}" + "x" * 70_000)]).render("en")
    (finding,) = rendered["findings"]
    assert finding["member"].startswith("?{member}xxx")
    assert len(json.dumps(rendered, ensure_ascii=False).encode()) < 2_000


def test_many_findings_are_truncated_and_counted() -> None:
    rendered = PackageRefused([Finding("encrypted", f"{place}.js") for place in range(2_000)]).render("zh")
    assert (rendered["count"], len(rendered["findings"])) == (2_000, 100)

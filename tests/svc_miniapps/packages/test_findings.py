"""Messages of findings: complete, in both languages, and safe for whatever a file holds."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from chassis.problems import catalogue
from svc_miniapps.packages.checks import findings
from svc_miniapps.packages.checks.findings import Finding, first_of
from svc_miniapps.packages.findings import PackageRefused

SOURCES = [file.read_text("utf-8") for file in Path(findings.__file__).parent.glob("*.py")]
WRITTEN = {code for source in SOURCES for code in re.findall(r'"([a-z0-9_]+)"', source)}
OF_JSON = {f"manifest_{kind}" for source in SOURCES for kind in re.findall(r'JsonFaultError\("([a-z0-9_]+)"', source)}
FOUND = {code for source in SOURCES for code in re.findall(r'Finding\(\s*"([a-z0-9_]+)"', source)}
USED = (WRITTEN & set(catalogue("svc_miniapps.packages")["zh"])) | OF_JSON | FOUND


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


def test_no_more_is_looked_for_once_there_are_a_hundred_findings() -> None:
    looked_for = 0

    def faults() -> Iterator[Finding]:
        nonlocal looked_for
        for place in range(2_000):
            looked_for += 1
            yield Finding("encrypted", f"{place}.js")

    found = first_of(faults())
    assert (looked_for, len(found), found[-1].code) == (100, 100, "too_many_findings")
    rendered = PackageRefused(found).render("zh")
    assert (rendered["count"], len(rendered["findings"])) == (100, 100)

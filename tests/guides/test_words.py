"""Guides say the same in both languages, and name nothing that the platform does not have."""

import re
from typing import Any

import pytest

from tests.guides.contracts import codes, of_companies, operations, vocabulary
from tests.guides.markdown import (
    GUIDES,
    LANGUAGES,
    NAMES,
    ROOT,
    Block,
    answer_of,
    blocks,
    path_of,
    requests_mentioned,
    text_of,
    without_blocks,
    without_comments,
)

each_guide = pytest.mark.parametrize("name", NAMES)
each_language = pytest.mark.parametrize("language", LANGUAGES)
_WORDS_FOR_PEOPLE = {"title", "detail", "message", "what_to_do"}
_PATH = re.compile(r"/(?:identity|services|payments|miniapps)/[^\s`\"'?|)，。；、]+")
_IN_CODE_TYPE = re.compile(r"`([^`\n]+)`")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
# In code type and no name of the platform's: commands of these guides and their tools, and words of the channels' SDKs.
_OTHER_NAMES = {
    "login_required",  # an error of OpenID Connect
    *("authorization_pending", "slow_down"),  # of RFC 8628
    "snake_case",
    "curl",
    "take",
    "until_shows",
    "sign_in",
    "sign_in_pages",
    "take_step",
    "paper_code",
    "follow",
    "new_uscc",
    "body",
    "signature",
    "kk",
    "ug",
    *("tar", "bsdtar", "zip"),  # what packs
}
_ROW = re.compile(r"^\|.*\|$", re.MULTILINE)


def comparable(block: Block) -> Any:  # noqa: ANN401 - any JSON
    """A block without what may differ between languages."""
    if block.language == "sh":
        return re.sub(r"SPEAK=\w+", "SPEAK", without_comments(block.text))
    if block.language == "http":
        answer = answer_of(block)
        return answer.status, answer.headers, _without_words(answer.content)
    return [re.split(r"  +", line)[0] for line in block.text.splitlines()] if block.language == "text" else block.text


def _without_words(content: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(content, dict):
        return {name: _without_words(value) for name, value in content.items() if name not in _WORDS_FOR_PEOPLE}
    return [_without_words(each) for each in content] if isinstance(content, list) else content


def sections(text: str) -> list[tuple[str, str]]:
    """Each heading's level with what stands under it."""
    parts = re.split(r"^(#+) .*$", without_blocks(text), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def names_in(text: str) -> set[str]:
    return {word for word in _IN_CODE_TYPE.findall(text) if word.isascii()}


@each_guide
def test_both_languages_show_the_same_commands_and_answers(name: str) -> None:
    english, chinese = ([comparable(block) for block in blocks(text_of(name, language))] for language in LANGUAGES)
    assert english == chinese


@each_guide
def test_both_languages_have_the_same_sections_tables_and_names(name: str) -> None:
    english, chinese = (sections(text_of(name, language)) for language in LANGUAGES)
    assert [level for level, _ in english] == [level for level, _ in chinese]
    for (_, one), (_, other) in zip(english, chinese, strict=True):
        assert [row.count("|") for row in _ROW.findall(one)] == [row.count("|") for row in _ROW.findall(other)]
        assert names_in(one) == names_in(other)


@each_language
@each_guide
def test_every_block_is_of_a_known_kind_and_every_request_stands_in_one_that_is_run(name: str, language: str) -> None:
    text = text_of(name, language)
    assert {block.language for block in blocks(text)} <= {"sh", "http", "text"}
    assert [block.line for block in blocks(text) if block.language != "sh" and "curl " in block.text] == []
    assert "curl -" not in without_blocks(text)


@each_language
@each_guide
def test_every_request_and_path_mentioned_is_in_a_contract(name: str, language: str) -> None:
    text = without_blocks(text_of(name, language))
    assert requests_mentioned(text) <= operations() | of_companies()
    assert set(_PATH.findall(text)) <= {path for _, path in operations()}


@each_language
@each_guide
def test_every_name_in_code_type_is_one_that_contracts_or_code_have(name: str, language: str) -> None:
    text = without_blocks(text_of(name, language))
    named = {word for word in _IN_CODE_TYPE.findall(text) if _NAME.fullmatch(word)}
    assert named - vocabulary() - _OTHER_NAMES == set()


@each_language
@each_guide
def test_every_code_of_a_problem_is_one_that_code_has(name: str, language: str) -> None:
    text = text_of(name, language)
    shown = [answer_of(block).content for block in blocks(text) if block.language == "http"]
    problems = {each["code"] for each in shown if isinstance(each, dict) and "code" in each and "status" in each}
    tables = re.findall(r"^\| `code` \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [row.split("|")[1] for table in tables for row in table.splitlines()]
    assert problems | {code for row in rows for code in _IN_CODE_TYPE.findall(row)} <= codes()


@each_language
@each_guide
def test_every_link_leads_somewhere(name: str, language: str) -> None:
    text = text_of(name, language)
    for target in re.findall(r"\]\(([^)]+)\)", without_blocks(text)):
        file, _, anchor = target.partition("#")
        there = (GUIDES / file).resolve() if file else path_of(name, language)
        assert there.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", without_blocks(there.read_text("utf-8")), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


def test_the_readme_names_every_guide_in_both_languages() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [path.name for path in GUIDES.glob("*.md") if f"(docs/guides/{path.name})" not in readme]
    assert missing == []
    assert {path.name for path in GUIDES.glob("*.md")} == {
        path_of(name, language).name for name in NAMES for language in LANGUAGES
    }

"""The guides as a test reads them: their fenced blocks, and the requests, paths and words they mention."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs/guides"
NAMES = ("providers", "app-developers", "county-teams", "counters-and-books", "residents-apps", "clerks")
LANGUAGES = {"en": ".md", "zh": ".zh.md"}
_FENCE = re.compile(r"^ *```([a-z]*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_REQUEST = re.compile(r"`(GET|POST|PUT|PATCH|DELETE|HEAD) (/[^\s`?]+)")
_COMMENT = re.compile(r"(?m)(?:^|(?<=[ \t]))#(?![^\n]*').*$")


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Answer:
    """What a guide shows of an answer: the status, some headers, some of the content."""

    status: int
    headers: dict[str, str]
    content: Any


@dataclass(frozen=True)
class Step:
    """Commands as they are shown, and the answer shown to the last request among them."""

    where: str
    commands: str
    requests: int
    answer: Answer | None


def path_of(name: str, language: str) -> Path:
    return GUIDES / f"{name}{LANGUAGES[language]}"


def text_of(name: str, language: str) -> str:
    return path_of(name, language).read_text("utf-8")


def blocks(text: str) -> Iterator[Block]:
    for found in _FENCE.finditer(text):
        yield Block(found[1], found[2], text.count("\n", 0, found.start()) + 1)


def without_blocks(text: str) -> str:
    return _FENCE.sub("", text)


def without_comments(commands: str) -> str:
    """Commands without what is for the reader alone."""
    return "\n".join(line.rstrip() for line in _COMMENT.sub("", commands).splitlines() if line.strip())


def answer_of(block: Block) -> Answer:
    head, _, body = block.text.partition("\n\n")
    status, *headers = head.strip().splitlines()
    named = dict(line.split(": ", 1) for line in headers)
    content = json.loads(body) if body.strip() else None
    return Answer(int(status.split()[1]), {name.lower(): value for name, value in named.items()}, content)


def steps(name: str, language: str) -> list[Step]:
    """The commands of a guide in the order shown; an answer belongs to the commands right before it."""
    found: list[Step] = []
    before: Block | None = None
    path = path_of(name, language)
    for block in blocks(path.read_text("utf-8")):
        if block.language == "http":
            assert before is not None, f"{path.name}:{block.line}: an answer to no request"
            assert before.language == "sh", f"{path.name}:{block.line}: an answer to no request"
            found[-1] = Step(found[-1].where, found[-1].commands, found[-1].requests, answer_of(block))
        elif block.language == "sh":
            requests = len(re.findall(r"(?<![\w./-])curl ", without_comments(block.text)))
            found.append(Step(f"{path.name}:{block.line}", block.text, requests, None))
        before = block
    return found


def requests_mentioned(text: str) -> set[tuple[str, str]]:
    return set(_REQUEST.findall(without_blocks(text)))

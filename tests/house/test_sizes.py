"""Functions over 40 lines and files over 300 are faults; migrations may be as long as they need."""

import subprocess
from pathlib import Path

import pytest

from tests.house.sizes import FILE_LINES, FUNCTION_LINES, faults, too_long


def function(lines: int, head: str = "def work() -> None:") -> str:
    indent = " " * (len(head) - len(head.lstrip()) + 4)
    return f"{head}\n" + f"{indent}pass\n" * (lines - 1)


@pytest.mark.parametrize("head", ["def work() -> None:", "async def work() -> None:"])
def test_a_function_may_have_forty_lines_and_no_more(head: str) -> None:
    assert list(too_long("a.py", function(FUNCTION_LINES, head))) == []
    (fault,) = too_long("a.py", "import os\n\n" + function(FUNCTION_LINES + 1, head))
    assert str(fault) == "a.py:3: work has 41 lines, 40 are allowed: split it by its steps."


def test_a_method_and_a_function_in_a_function_are_functions() -> None:
    source = "class A:\n" + function(FUNCTION_LINES + 1, "    def method(self) -> None:")
    assert [fault.line for fault in too_long("a.py", source)] == [2]
    source = "def outer() -> None:\n" + function(FUNCTION_LINES + 1, "    def inner() -> None:")
    assert [fault.line for fault in too_long("a.py", source)] == [1, 2]


def test_decorators_do_not_count() -> None:
    assert list(too_long("a.py", "@first\n@second\n" + function(FUNCTION_LINES))) == []


def test_a_file_may_have_three_hundred_lines_and_no_more() -> None:
    assert list(too_long("a.py", "x = 1\n" * FILE_LINES)) == []
    (fault,) = too_long("a.py", "x = 1\n" * (FILE_LINES + 1))
    assert str(fault) == "a.py:1: the file has 301 lines, 300 are allowed: move one of its subjects out."


def test_migrations_and_other_languages_are_left_alone(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607
    long = "x = 1\n" * (FILE_LINES + 1)
    for path in ("svc_a/migrations/versions/0001.py", "svc_a/work.py", "data.txt"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(long)
    assert [fault.file for fault in faults(tmp_path)] == ["svc_a/work.py"]

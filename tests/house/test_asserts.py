"""No product code asserts: under `python -O` an assert checks nothing."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import SERVICES

ROOT = Path(__file__).parents[2]
PRODUCT = (*SERVICES, "gateway", "kit", "chassis")


def asserts(path: Path) -> list[int]:
    return [node.lineno for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("package", PRODUCT)
def test_product_code_has_no_assert(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    assert {path.relative_to(ROOT).as_posix(): lines for path in files if (lines := asserts(path))} == {}


@pytest.mark.parametrize("package", PRODUCT)
def test_nothing_lets_an_assert_pass_the_linter(package: str) -> None:
    assert [path for path in (ROOT / package).rglob("*.py") if "S101" in path.read_text("utf-8")] == []


IN_FEW = """
import asyncio, sys, types
from uuid import uuid4
from kit.invariants import InvariantBrokenError
from svc_payments.collection.payments import over_the_counter
from svc_payments.collection.payments.open_payments import opened
from svc_payments.collection.refunds import policy, transitions
from svc_payments.tills.models import SessionStatus, TillSession

assert False, "asserts are off"  # under -O this passes

async def disagrees(*_, **__):
    return "other_amount"

over_the_counter.capture = disagrees
async def moment(_):
    return None
over_the_counter.database_time = moment
payment = types.SimpleNamespace(id=uuid4(), amount_fen=100, attempt=None)
refused = []
for what in (
    lambda: asyncio.run(over_the_counter.capture_at_counter(None, payment, "1", "m")),
    lambda: opened(payment),
    lambda: policy._source_of(types.SimpleNamespace(bill_id=None), payment, None),
):
    try:
        what()
    except InvariantBrokenError as error:
        refused.append(str(error))
print(len(refused), sys.flags.optimize)
"""


def test_the_checks_that_guard_money_hold_without_asserts() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-O", "-c", IN_FEW], check=True, capture_output=True, text=True, env=environment
    )
    assert ran.stdout.split() == ["3", "1"]

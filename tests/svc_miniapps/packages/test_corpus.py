"""Every package of the corpus is accepted, or refused by the rule that it names."""

import io
from dataclasses import replace

import pytest

from chassis.problems import catalogue
from svc_miniapps.packages.checks.findings import MOST
from svc_miniapps.packages.checks.inspection import Sound, check
from tests.svc_miniapps.packages.corpus import CASES, Case
from tests.svc_miniapps.packages.inspected import EXPECTED, entries
from tests.svc_miniapps.sample_packages import Entry, zipped

REGISTERED = replace(
    EXPECTED,
    domains=frozenset({"api.yining.cn"}),
    permissions=frozenset({"system.permission.LOCATION"}),
    languages=frozenset({"zh-Hans", "kk-Arab"}),
)
OF_OTHER_TESTS = {"version_too_low", "target_not_registered", "harmony_too_large", "harmony_part_too_large"}


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{n}-{case.name}") for n, case in enumerate(CASES)])
def test_a_package_is_accepted_or_refused_by_its_rule(case: Case) -> None:
    outcome = check(io.BytesIO(case.content), REGISTERED)
    found = [] if isinstance(outcome, Sound) else [finding.code for finding in outcome]
    assert len(found) <= MOST
    assert (case.rule in found) if case.rule else found == []


def test_the_corpus_is_large_and_breaks_every_rule() -> None:
    assert len(CASES) >= 120
    broken = {case.rule for case in CASES} | OF_OTHER_TESTS
    assert broken >= set(catalogue("svc_miniapps.packages")["zh"])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ({"common/a": 2 << 20}, {"harmony_part_too_large"}),
        ({"pages/a/a": (2 << 20) + 1}, {"harmony_part_too_large"}),
        ({f"pages/{n}/a": 2_000_000 for n in range(6)}, {"harmony_too_large"}),
        ({f"pages/{n}/a": 2_000_000 for n in range(4)}, set[str]()),
    ],
)
def test_a_build_for_harmony_has_small_parts(paths: dict[str, int], expected: set[str]) -> None:
    content = zipped([*entries(), *(Entry(path.encode(), b"x" * size, method=0) for path, size in paths.items())])
    outcome = check(io.BytesIO(content), replace(REGISTERED, targets=frozenset({"harmony"})))
    assert (set() if isinstance(outcome, Sound) else {finding.code for finding in outcome}) == expected

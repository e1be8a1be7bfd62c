"""The refusal of a package, with everything that was found."""

from collections.abc import Sequence
from typing import Any

from chassis.problems import Problem
from svc_miniapps.packages.checks.findings import Finding


class PackageRefused(Problem):
    status, code = 422, "package_refused"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(count=len(findings))
        self.findings = findings

    def render(self, language: str) -> dict[str, Any]:
        findings = [finding.render(language) for finding in self.findings]
        return {**super().render(language), "findings": findings}

"""Findings of a package under inspection."""

import io
from uuid import UUID

from chassis.db import new_id
from svc_miniapps.packages.checks.manifest import Expected
from svc_miniapps.packages.findings import PackageRefused
from svc_miniapps.packages.inspection import inspect
from tests.svc_miniapps.sample_packages import Entry, Package, manifest_for

APP_ID: UUID = new_id()


EXPECTED = Expected(APP_ID, "停车泊位", version_code=1, latest_version_code=0)


def package() -> Package:
    return Package(manifest_for(str(APP_ID), "停车泊位"))


def entries() -> list[Entry]:
    return package().entries()


def findings(content: bytes) -> list[tuple[str, str | None]]:
    """(code, member) of each finding; empty if the package is accepted."""
    try:
        inspect(io.BytesIO(content), EXPECTED)
    except PackageRefused as refused:
        found = [(finding.code, finding.member) for finding in refused.findings]
    else:
        return []
    assert found, "refused without a finding"
    return found


def codes(content: bytes) -> set[str]:
    return {code for code, _member in findings(content)}

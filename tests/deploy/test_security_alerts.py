"""A burst in the security log fires its alert, the first one of a new process too, and an ordinary day fires none."""

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.deploy.test_alerts import COMPOSE, ROOT

_PROGRAM = """
import gateway.app, svc_identity.app, svc_miniapps.app, svc_payments.app, svc_services.app
from prometheus_client import REGISTRY

(family,) = (family for family in REGISTRY.collect() if family.name == "myili_security_events")
print(*(sample.labels["kind"] for sample in family.samples if sample.name.endswith("_total")))
"""
GROUPS = YAML(typ="safe").load(COMPOSE / "alerts.yaml")["groups"]
RULES: dict[str, dict[str, Any]] = next(
    {rule["alert"]: rule for rule in group["rules"]} for group in GROUPS if group["name"] == "security"
)
WITHOUT_ALERT = {
    *("sign_in_passed", "proof_passed", "token_issued", "token_expired"),
    *("account_bound", "mandate_changed", "till_session_changed", "person_renamed"),
    *("correction_answered", "team_founded", "team_member_changed", "app_handover_moved"),
    *("message_template_moved", "call_quota_changed"),
    *("registration_submitted", "registration_approved", "registration_rejected", "registration_withdrawn"),
    *("shutdown_proposed", "shutdown_announced", "shutdown_withdrawn", "app_ended"),
    *("quota_change_proposed", "quota_changed", "quota_change_rejected"),
    "app_complaint_decided",
    *("domain_registered", "domain_proven", "domain_lost", "domain_removed"),
    *("account_clash_found", "account_clash_closed"),
    *("identity_claim_opened", "identity_claim_reviewed", "identity_claim_returned"),
    *("identity_claim_decided", "identity_claim_closed", "identity_lost", "organisation_released"),
    *("enrolment_code_issued", "enrolment_code_used", "recovery_code_used", "factor_added", "factor_removed"),
    *("factor_reset_proposed", "factor_reset_approved", "factor_reset_rejected"),
    *("mandate_proposed", "mandate_active", "mandate_declined", "mandate_withdrawn", "mandate_expired"),
    *("family_account_proposed", "family_account_active", "family_account_declined", "family_account_withdrawn"),
    *("family_account_expired", "family_account_refused", "guardian_claim_opened"),
    *("family_order_open", "family_order_confirmed", "family_order_refused", "family_order_expired"),
    *("phone_change_failed", "lost_phone_claimed", "phone_change_stopped", "number_claimed", "number_claim_refused"),
    "provider_linked",
    *("app_rating_hidden", "app_rating_shown", "recommended_list_changed", "team_webhook_changed"),
    *("password_set", "password_removed", "password_forgotten"),
    *("mandate_refused", "organisation_claim_refused", "client_application_displaced"),
    *("client_applications_limited", "account_invitation_created", "account_invitation_accepted"),
    *("account_proved_anew", "client_application_corrected"),
    *("deliveries_paused", "deliveries_resumed", "deliveries_repeated"),
    *("access_suspended", "access_resumed", "phone_released", "phone_changed", "token_ended", "organisation_claimed"),
}
"""Most of these are daily business, and a token expires every ten minutes."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool, of Debian's package prometheus, is not here"
)


@cache
def recorded_kinds() -> set[str]:
    """Every kind that some process exports before any event; asked of a process without the kinds of other tests."""
    ran = subprocess.run([sys.executable, "-c", _PROGRAM], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    return set(ran.stdout.split())


def kinds_of(rule: dict[str, Any]) -> set[str]:
    (pattern,) = re.findall(r'kind=~?"([^"]+)"', rule["expr"])
    return {kind for kind in recorded_kinds() if re.fullmatch(pattern, kind)}


def limit_of(rule: dict[str, Any]) -> int:
    return int(rule["expr"].rsplit(">", 1)[1])


def fires(folder: Path, name: str, series: dict[str, str], at: str) -> subprocess.CompletedProcess[str]:
    """Whether promtool finds the alert firing at that time, with these values every 15 seconds."""
    alert = f'ALERTS{{alertname="{name}", alertstate="firing", severity="{RULES[name]["labels"]["severity"]}"}}'
    case = {
        "interval": "15s",
        "input_series": [
            {"series": f'myili_security_events_total{{job="identity", kind="{kind}"}}', "values": values}
            for kind, values in series.items()
        ],
        "promql_expr_test": [{"expr": alert, "eval_time": at, "exp_samples": [{"labels": alert, "value": 1}]}],
    }
    test = folder / "bursts.json"
    rules = str(COMPOSE / "alerts.yaml")
    test.write_text(json.dumps({"rule_files": [rules], "evaluation_interval": "15s", "tests": [case]}), "utf-8")
    return subprocess.run(["promtool", "test", "rules", str(test)], capture_output=True, text=True, check=False)  # noqa: S603, S607


def test_every_kind_has_an_alert_or_is_named_as_one_without() -> None:
    watched = {kind for rule in RULES.values() for kind in kinds_of(rule)}
    assert watched | WITHOUT_ALERT == recorded_kinds()
    assert watched & WITHOUT_ALERT == set()


@needs_promtool
@pytest.mark.parametrize("name", RULES)
def test_a_burst_of_one_kind_fires(tmp_path: Path, name: str) -> None:
    burst = limit_of(RULES[name]) + 5
    for kind in kinds_of(RULES[name]):
        # A minute after the process began to export zero, everything happens between two scrapes.
        tested = fires(tmp_path, name, {kind: f"0x4 {burst}x40"}, "3m")
        assert tested.returncode == 0, f"{kind}: {tested.stderr}"


@needs_promtool
@pytest.mark.parametrize("name", RULES)
def test_half_of_the_limit_does_not_fire(tmp_path: Path, name: str) -> None:
    kind = min(kinds_of(RULES[name]))
    tested = fires(tmp_path, name, {kind: f"0x4 {limit_of(RULES[name]) // 2}x40"}, "3m")
    assert tested.returncode == 1
    assert "got: nil" in tested.stderr

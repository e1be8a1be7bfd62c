"""Runs as people and systems read them."""

from pathlib import Path
from typing import Any

from kit.conformance.results import Tried
from kit.words import catalogues
from svc_services.providers.applications.stated_terms import StatedTerms
from svc_services.providers.conformance import schemas
from svc_services.providers.conformance.bills import by_rule
from svc_services.providers.conformance.models import ConformanceRun, RunStatus, Sandbox
from svc_services.providers.conformance.rules import Account, Rules

TEXTS = Path(__file__).with_name("texts")


def shown_sandbox(sandbox: Sandbox) -> schemas.ProviderSandbox:
    distinct = {each["account_number"]: each for each in sandbox.accounts}
    return schemas.ProviderSandbox(
        application_id=sandbox.application_id,
        endpoint_url=sandbox.endpoint_url,
        accounts=[schemas.SandboxAccount(**each) for each in distinct.values()],
        unknown_account=sandbox.unknown_account,
        bills=[schemas.SandboxBill.model_validate(each) for each in sandbox.bills],
        named_at=sandbox.named_at,
    )


def rules_of(run: ConformanceRun) -> Rules:
    terms = StatedTerms.model_validate(run.stated_terms) if run.stated_terms else None
    return Rules([Account(**each) for each in run.accounts], run.unknown_account, by_rule(run.bills), terms)


def summary(run: ConformanceRun) -> schemas.ConformanceRunSummary:
    return schemas.ConformanceRunSummary(**_summary(run))


def shown(run: ConformanceRun, language: str) -> schemas.ConformanceRun:
    """A run with a sentence for each rule."""
    rules, tried = rules_of(run), run.tried
    names = [*rules.before_restart, *rules.after_restart]
    return schemas.ConformanceRun(**_summary(run), rules=[_report(name, tried.get(name), language) for name in names])


def _summary(run: ConformanceRun) -> dict[str, Any]:
    awaited = run.status == RunStatus.AWAITING_RESTART
    return {
        "run_id": run.id,
        "application_id": run.application_id,
        "endpoint_url": run.endpoint_url,
        "status": run.status,
        "failed_rules": [each["rule"] for each in run.results if each["outcome"] == "failed"],
        "continue_before": run.try_at if awaited else None,
        "created_at": run.created_at,
        "ended_at": run.ended_at,
    }


def _report(rule: str, tried: Tried | None, language: str) -> schemas.RuleReport:
    texts = catalogues(TEXTS)[language]
    return schemas.RuleReport(
        rule=rule,
        outcome=tried.outcome if tried else "not_tried",
        requirement=texts[rule],
        fault=tried.fault if tried else None,
        finding=texts[f"fault_{tried.fault}"] if tried and tried.fault else None,
        exchanges=tried.exchanges if tried else [],
    )

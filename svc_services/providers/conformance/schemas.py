from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.text import Line
from kit.conformance.results import Exchange, Fault
from svc_services.providers.conformance.models import RunStatus


class SandboxNaming(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    endpoint_url: Annotated[Line, Field(max_length=500)]
    """Where a test system of the company answers; the rules for `endpoint_url` of an application hold."""


class SandboxAccount(BaseModel):
    account_number: str
    holder_name: str


class SandboxBill(BaseModel):
    bill_number: str
    account_number: str
    period: str
    usage: str
    amount_fen: int
    due_date: str


class ProviderSandbox(BaseModel):
    """What the test system needs to know."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    """The `MyIli-Recipient` of every call, and its `provider_id`."""
    endpoint_url: str
    accounts: list[SandboxAccount]
    """Invented: load them into the test system, and no others."""
    unknown_account: str
    """A number that the test system must not know."""
    bills: list[SandboxBill]
    """Due on these accounts. Load them before a run is started: each run pays its own, and others are here after it."""
    named_at: datetime


class RuleReport(BaseModel):
    """What became of one rule."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rule: str
    outcome: Literal["passed", "failed", "not_tried"]
    requirement: str
    """What the company's system has to do, in the reader's language."""
    fault: Fault | None
    finding: str | None
    """What it did instead, in the reader's language."""
    exchanges: list[Exchange]


class ConformanceRunSummary(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    run_id: UUID
    application_id: UUID
    endpoint_url: str
    status: RunStatus
    failed_rules: list[str]
    continue_before: datetime | None
    """Until when the restart has to be reported, while the run awaits it."""
    created_at: datetime
    ended_at: datetime | None


class ConformanceRun(ConformanceRunSummary):
    """A run with what was tried: every rule, what was sent and what came."""

    rules: list[RuleReport]

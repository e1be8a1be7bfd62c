from datetime import date, datetime
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chassis.outbox import Event
from svc_services.cases.joint.models import SurveyFailure, SurveyStatus


class JointEvent(Event):
    model_config = ConfigDict(use_attribute_docstrings=True)

    key_field: ClassVar[str] = "joint_application_id"

    joint_application_id: UUID
    person_id: UUID


class FiledBranch(BaseModel):
    application_id: UUID
    provider_id: UUID


class JointApplicationFiled(JointEvent):
    """All branches were filed at once; each is an application with events of its own."""

    event_type: ClassVar[str] = "cn.ili.services.joint_application.filed.v1"

    branches: list[FiledBranch]


class JointSurveyProposed(JointEvent):
    """Days are proposed for one visit of all companies, which answer until `due_on`."""

    event_type: ClassVar[str] = "cn.ili.services.joint_application.survey_proposed.v1"

    provider_ids: list[UUID]
    """The companies that are to answer."""
    days: list[date]
    due_on: date


class JointSurveyDecided(JointEvent):
    """One day was agreed on, or each company makes an appointment of its own."""

    event_type: ClassVar[str] = "cn.ili.services.joint_application.survey_decided.v1"

    status: SurveyStatus
    agreed_on: date | None
    failure: SurveyFailure | None
    """Expect further values within v1."""


class BranchResult(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    application_id: UUID
    provider_id: UUID
    state: str
    """The state of the workflow in which the branch has ended."""


class JointApplicationAnswered(JointEvent):
    """Every branch has ended: the combined answer. A later edition follows an appeal."""

    event_type: ClassVar[str] = "cn.ili.services.joint_application.answered.v1"

    edition: int
    branches: list[BranchResult]
    decided_at: datetime


JOINT_EVENTS = (JointApplicationFiled, JointSurveyProposed, JointSurveyDecided, JointApplicationAnswered)

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from svc_miniapps.teams import models
from svc_miniapps.teams.models import TeamRole


class NewTeam(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: Annotated[str, StringConstraints(pattern="^[0-9]{6}([0-9]{3}){0,2}$")]
    """Of a county, a city or the prefecture. Townships and villages found no teams."""


class NewRole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: TeamRole


class TeamMember(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    person_id: UUID
    role: TeamRole
    added_by: UUID
    added_at: datetime

    @classmethod
    def of(cls, member: models.TeamMember) -> "TeamMember":
        return cls.model_validate(member)


class Team(BaseModel):
    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)

    team_id: Annotated[UUID, Field(validation_alias="id")]
    organisation_id: UUID
    division_code: str
    app_quota: int
    """How many apps it may have."""
    member_quota: int
    upload_quota: int
    """How many packages a day."""
    storage_quota_mb: int
    founded_by: UUID
    founded_at: datetime

    @classmethod
    def of(cls, team: models.Team) -> "Team":
        return cls.model_validate(team)

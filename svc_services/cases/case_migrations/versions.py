"""The versions of a workflow by which a case has run."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.fields.labels import Label
from svc_services.cases.applications.models import Application
from svc_services.cases.case_migrations.models import CaseMigration, MigratedCase
from svc_services.cases.workflows.definition import WorkflowDefinition
from svc_services.cases.workflows.models import Workflow


@dataclass(frozen=True)
class Versions:
    current: WorkflowDefinition
    earlier: tuple[tuple[int, WorkflowDefinition], ...]
    """Each with the position of the step that left it, in order."""

    def at(self, position: int) -> WorkflowDefinition:
        """The version by which a step was taken."""
        return next((rules for left_at, rules in self.earlier if position < left_at), self.current)

    @property
    def labels(self) -> dict[str, Label]:
        """Of all versions; the current one prevails."""
        found: dict[str, Label] = {}
        for _, rules in self.earlier:
            found |= rules.labels
        return found | self.current.labels

    @property
    def by_another_person(self) -> set[str]:
        """The actions that decide appeals, as any version calls them."""
        every = (self.current, *(rules for _, rules in self.earlier))
        return {action.name for rules in every for action in rules.actions if action.another_person}


async def versions_of(tx: AsyncSession, case: Application) -> Versions:
    left = (
        select(MigratedCase.position, Workflow)
        .join(CaseMigration, CaseMigration.id == MigratedCase.migration_id)
        .join(Workflow, Workflow.id == CaseMigration.from_workflow_id)
        .where(MigratedCase.application_id == case.id)
        .order_by(MigratedCase.position)
    )
    earlier = tuple((position, workflow.rules) for position, workflow in await tx.execute(left))
    return Versions((await tx.get_one(Workflow, case.workflow_id)).rules, earlier)

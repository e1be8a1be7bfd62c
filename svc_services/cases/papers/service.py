"""Papers of the steps of a case, each made at the first request for it in a language, and never again."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import CHINA, Database, now
from chassis.problems import NotFound
from kit.network_lines import counted
from kit.papers import codes
from svc_services.base import lock
from svc_services.cases.applications.models import Application, ApplicationStep
from svc_services.cases.case_migrations.versions import versions_of
from svc_services.cases.materials import attached
from svc_services.cases.papers import schemas
from svc_services.cases.papers.models import Paper, PaperCheck, PaperContent
from svc_services.cases.papers.pdf import Subject, printed
from svc_services.cases.papers.refusals import PaperNotFound, TooManyPaperChecks
from svc_services.cases.routings.queries import place_at
from svc_services.cases.workflows.definition import SUBMIT, Actor
from svc_services.providers.applications.models import Provider
from svc_services.reference.models import Division

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Made:
    """A paper with its file."""

    paper: Paper
    content: bytes


async def available(tx: AsyncSession, case: Application) -> schemas.AvailablePapers:
    """The papers that there are of a case."""
    versions = await versions_of(tx, case)
    steps = select(ApplicationStep).where(ApplicationStep.application_id == case.id).order_by(ApplicationStep.position)

    def papers(taken: list[ApplicationStep]) -> Iterator[schemas.AvailablePaper]:
        for step in taken:
            if kind := versions.at(step.position).paper_of(step.action, step.from_state):
                yield schemas.AvailablePaper(
                    position=step.position, kind=kind, action=step.action, taken_at=step.taken_at
                )

    return schemas.AvailablePapers(items=[*papers([*(await tx.scalars(steps)).all()])])


async def subject_of(tx: AsyncSession, case: Application, position: int) -> Subject:
    """What the paper of a step is about.

    Raises:
        NotFound: there is no such step, or no paper of it.
    """
    step: ApplicationStep | None = await tx.scalar(
        select(ApplicationStep).where(ApplicationStep.application_id == case.id, ApplicationStep.position == position)
    )
    rules = (await versions_of(tx, case)).at(position)
    if step is None or (kind := rules.paper_of(step.action, step.from_state)) is None:
        raise NotFound
    provider_id, division_code = await place_at(tx, case, step.position)
    provider, division = await tx.get_one(Provider, provider_id), await tx.get_one(Division, division_code)
    materials = [each for each in await attached.of_application(tx, case.id) if each.attached_at <= step.taken_at]
    office = await tx.get_one(Division, case.counter_division_code) if _at_counter(case, step) else division
    issuer = provider.name if step.actor == Actor.PROVIDER else office.name_zh
    return Subject(kind, case, step, rules, provider, division.name_zh, issuer, materials)


def _at_counter(case: Application, step: ApplicationStep) -> bool:
    return step.action == SUBMIT and case.counter_division_code is not None


async def paper_of(database: Database, subject: Subject, verify_at: str, language: str) -> Made:
    """The paper of a step in a language. It is set between two transactions; of several at once the first one stays.

    Raises:
        NotFound: its file was erased.
    """
    async with database.read() as tx:
        made = await _existing(tx, subject.step.id, language)
    if made is None:
        code = codes.new_code()
        content = await printed(subject, code, verify_at, language)
        async with database.transaction() as tx:
            await _keep(tx, subject, language, code, content)
            made = await _existing(tx, subject.step.id, language)
    if made is None:
        raise NotFound
    return made


async def verify(database: Database, typed: str, address: str, most: int) -> schemas.PaperVerification:
    """What anyone who holds a paper may know of it.

    Raises:
        PaperNotFound: no paper has this code.
        TooManyPaperChecks: too many wrong codes came from this address.
    """
    async with database.transaction() as tx:
        found = await _checked(tx, typed, counted(address), most)
    if found is None:
        raise PaperNotFound
    return found


async def erase_of_person(tx: AsyncSession, person_id: UUID) -> None:
    """Erase the files of a person's papers; that they were issued can still be verified."""
    theirs = select(Paper.id).join(Application, Application.id == Paper.application_id)
    await tx.execute(
        delete(PaperContent).where(PaperContent.paper_id.in_(theirs.where(Application.person_id == person_id)))
    )


async def forget_checks(database: Database) -> None:
    """Delete the wrong codes that count no more."""
    async with database.transaction() as tx:
        await tx.execute(delete(PaperCheck).where(PaperCheck.checked_at <= now() - _HOUR))


async def _existing(tx: AsyncSession, step_id: UUID, language: str) -> Made | None:
    query = select(Paper, PaperContent.content).outerjoin(PaperContent, PaperContent.paper_id == Paper.id)
    row = (await tx.execute(query.where(Paper.step_id == step_id, Paper.language == language))).one_or_none()
    if row is None:
        return None
    if row.content is None:
        raise NotFound
    return Made(row.Paper, row.content)


async def _keep(tx: AsyncSession, subject: Subject, language: str, code: str, content: bytes) -> None:
    row = {
        "application_id": subject.case.id,
        "step_id": subject.step.id,
        "kind": subject.kind,
        "language": language,
        "issuer": subject.issuer,
        "issued_on": subject.step.taken_at.astimezone(CHINA).date(),
        "code": code,
        "code_hash": codes.hash_of(code),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    once = insert(Paper).values(row).on_conflict_do_nothing(index_elements=[Paper.step_id, Paper.language])
    paper_id = await tx.scalar(once.returning(Paper.id))
    if paper_id is not None:
        tx.add(PaperContent(paper_id=paper_id, content=content))
        await tx.flush()


async def _checked(tx: AsyncSession, typed: str, line: str, most: int) -> schemas.PaperVerification | None:
    """The paper of a code, which nobody's wrong codes keep from being verified; a wrong one counts."""
    code = codes.read(typed)
    query = select(Paper, Application.kind, Application.case_number).join(
        Application, Application.id == Paper.application_id
    )
    found = code and (await tx.execute(query.where(Paper.code_hash == codes.hash_of(code)))).one_or_none()
    if not found:
        await _count_wrong(tx, line, most)
        return None
    paper, application_kind, case_number = found
    return schemas.PaperVerification(
        case_number=case_number,
        application_kind=application_kind,
        **{name: getattr(paper, name) for name in ("kind", "issuer", "issued_on", "language", "sha256")},
    )


async def _count_wrong(tx: AsyncSession, line: str, most: int) -> None:
    # Wrong codes at once wait for each other, or each would count itself alone.
    await lock(tx, "paper checks", line)
    since = now() - _HOUR
    recent = select(PaperCheck.checked_at).where(PaperCheck.line == line, PaperCheck.checked_at > since)
    wrong = (await tx.scalars(recent.order_by(PaperCheck.checked_at.desc()).limit(most))).all()
    if len(wrong) >= most:
        raise TooManyPaperChecks(wrong[-1] + _HOUR)
    tx.add(PaperCheck(line=line))

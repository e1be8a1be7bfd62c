"""Who proposed something does not approve it: not in the service, and not in the table."""

from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import new_id
from chassis.problems import Problem
from kit.approvals import SecondPersonNeeded, require_second_person
from tests.kit.tables import Base, Inspection, Transport

PROPOSER, MAKER = new_id(), new_id()


class OwnDraft(Problem):
    status, code = 403, "own_draft"


@pytest.mark.parametrize("acting", [PROPOSER, MAKER])
def test_nobody_who_had_the_first_part_has_the_second(acting: UUID) -> None:
    with pytest.raises(SecondPersonNeeded):
        require_second_person(acting, PROPOSER, MAKER)


def test_another_person_may_act() -> None:
    require_second_person(new_id(), PROPOSER, MAKER)
    require_second_person(str(new_id()), str(PROPOSER))


def test_what_nobody_proposed_is_anybodys() -> None:
    require_second_person(PROPOSER, None)


def test_a_slice_refuses_with_a_code_of_its_own() -> None:
    with pytest.raises(OwnDraft):
        require_second_person(PROPOSER, PROPOSER, refusal=OwnDraft)


@pytest.mark.parametrize(("language", "title"), [("zh", "须由第二人办理"), ("en", "A second person is needed")])
def test_the_refusal_has_its_words_in_the_kit(language: str, title: str) -> None:
    answer = SecondPersonNeeded().render(language)
    assert (answer["status"], answer["code"], answer["title"]) == (403, "second_person_needed", title)


@pytest.mark.parametrize(
    "alone",
    [
        Inspection(inspected_by="a", approved_by="a"),
        Transport(status="released", ordered_by="a", released_by="a"),
    ],
)
async def test_the_table_refuses_one_person_for_both(tx: AsyncSession, alone: Base) -> None:
    tx.add(alone)
    with pytest.raises(IntegrityError, match=f"ck_{alone.__tablename__}_second_person"):
        await tx.flush()


@pytest.mark.parametrize(
    "row",
    [
        Inspection(inspected_by="a", approved_by="b"),
        Inspection(inspected_by="a", approved_by=None),
        Transport(status="released", ordered_by="a", released_by="b"),
        Transport(status="cancelled", ordered_by="a", released_by="a"),
    ],
)
async def test_the_table_keeps_what_the_rule_allows(tx: AsyncSession, row: Base) -> None:
    tx.add(row)
    await tx.flush()

"""The states of a release, and who may take which step."""

import asyncio
from itertools import pairwise

import pytest

from chassis.db import Database, new_id
from chassis.problems import IllegalMove
from chassis.testing import emitted, once
from svc_miniapps.publishing.releases.models import TRANSITIONS, Release, Status
from tests.svc_miniapps.stage import BODIES, KUYTUN, PREFECTURE, REASONS, YINING, Stage, outcome

KEPT_BACK = {"publish_on_approval": False}
# The steps that lead from a draft to each state.
LEADING_TO: dict[Status, list[tuple[str, dict[str, bool] | None]]] = {
    Status.DRAFT: [],
    Status.SUBMITTED: [("submit", None)],
    Status.APPROVED: [("submit", KEPT_BACK), ("approve", None)],
    Status.REJECTED: [("submit", None), ("reject", None)],
    Status.PUBLISHED: [("submit", None), ("approve", None)],
    Status.GRAY: [("submit", KEPT_BACK), ("approve", None), ("gray", None)],
    Status.WITHDRAWN: [("submit", KEPT_BACK), ("approve", None), ("gray", None), ("gray/withdraw", None)],
    Status.SUPERSEDED: [("submit", None), ("approve", None)],
}
STEPS = {"submit", "withdraw", "approve", "reject", "publish", "gray", "gray/withdraw", "roll-back"}
BEHIND_ANOTHER = {Status.GRAY, Status.WITHDRAWN}
"""Only a version that follows a published one gets there."""
ALLOWED = {
    Status.DRAFT: {"submit"},
    Status.SUBMITTED: {"withdraw", "approve", "reject"},
    Status.APPROVED: {"withdraw", "publish", "gray"},
    Status.REJECTED: {"submit"},
    Status.PUBLISHED: set(),
    Status.GRAY: {"publish", "gray/withdraw"},
    Status.WITHDRAWN: set(),
    Status.SUPERSEDED: {"roll-back"},
}


async def brought_to(stage: Stage, status: Status) -> str:
    app = await stage.registered()
    if status in BEHIND_ANOTHER:
        await stage.published(app)
    release_id = await stage.draft(app, 2)
    for step, body in LEADING_TO[status]:
        answer = await stage.step(release_id, step, body=body)
        assert answer.status_code == 200, answer.text
    if status == Status.SUPERSEDED:
        await stage.published(app, 3)
    assert await stage.status(release_id) == status
    return release_id


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("step", sorted(STEPS))
async def test_a_step_is_allowed_from_its_states_only(stage: Stage, status: Status, step: str) -> None:
    release_id = await brought_to(stage, status)
    answer = await stage.step(release_id, step)
    if (step, status) == ("gray", Status.APPROVED):
        assert outcome(answer) == (409, "first_version_goes_full")
    elif step in ALLOWED[status]:
        assert answer.status_code == 200
    elif status == Status.DRAFT and step in {"approve", "reject"}:
        assert outcome(answer) == (404, "not_found")  # reviewers cannot see drafts
    else:
        assert outcome(answer) == (409, "illegal_move")
        assert await stage.status(release_id) == status


@pytest.mark.parametrize("before", list(Status))
@pytest.mark.parametrize("after", list(Status))
def test_moves_follow_the_transition_table(before: Status, after: Status) -> None:
    release = Release(status=before)
    if after in TRANSITIONS[before]:
        release.move_to(after)
        assert release.status == after
    else:
        with pytest.raises(IllegalMove):
            release.move_to(after)


async def test_an_approved_release_waits_if_the_team_holds_it(stage: Stage, database: Database) -> None:
    release_id = await brought_to(stage, Status.APPROVED)
    assert await stage.catalogue() == []
    published = await stage.step(release_id, "publish")
    assert published.json()["published_at"] is not None
    assert len(await stage.catalogue()) == 1
    async with database.read() as tx:
        types = [event.type.split(".")[-2] for event in await emitted(tx)]
    assert types == ["registered", "submitted", "approved", "published"]


async def test_reasons_of_a_rejection_reach_the_team(stage: Stage, database: Database) -> None:
    release_id = await brought_to(stage, Status.REJECTED)
    release = (await stage.api.get(f"/miniapps/v1/releases/{release_id}", headers=stage.team)).json()
    (review,) = release["reviews"]
    assert review["outcome"] == "rejected"
    assert review["reasons"] == [{**reason, "file": None, "page": None, "files": []} for reason in REASONS]
    async with database.read() as tx:
        event = (await emitted(tx))[-1]
    assert event.type == "cn.ili.miniapps.release.rejected.v1"
    assert event.data["reason_codes"] == ["broken_page"]
    assert "页面空白" not in str(event.data)


async def test_a_rejected_release_may_be_resubmitted_and_keeps_both_rounds(stage: Stage) -> None:
    release_id = await brought_to(stage, Status.REJECTED)
    await stage.step(release_id, "submit")
    approved = await stage.step(release_id, "approve")
    assert [review["outcome"] for review in approved.json()["reviews"]] == ["rejected", "approved"]


async def test_a_withdrawn_release_is_a_draft_again(stage: Stage) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    withdrawn = await stage.step(release_id, "withdraw")
    assert withdrawn.json()["status"] == "draft"
    assert [review["outcome"] for review in withdrawn.json()["reviews"]] == ["withdrawn"]
    seen = await stage.api.get(f"/miniapps/v1/releases/{release_id}", headers=stage.reviewer)
    assert outcome(seen) == (404, "not_found")
    assert outcome(await stage.step(release_id, "approve")) == (409, "illegal_move")


async def test_the_reviewer_reads_the_note_of_the_submission(stage: Stage) -> None:
    app = await stage.registered()
    release_id = await stage.draft(app)
    path, headers = f"/miniapps/v1/apps/{app['app_id']}", stage.team | {"If-Match": "*"}
    await stage.api.patch(path, json={"short_description": "提交前修改"}, headers=headers)
    await stage.step(release_id, "submit")
    await stage.api.patch(path, json={"short_description": "提交后修改"}, headers=headers)
    seen = await stage.api.get(f"/miniapps/v1/releases/{release_id}", headers=stage.reviewer)
    assert seen.json()["short_description"] == "提交前修改"
    await stage.step(release_id, "approve")
    assert [item["short_description"] for item in await stage.catalogue()] == ["提交前修改"]


async def test_one_release_of_an_app_is_open_at_a_time(stage: Stage) -> None:
    app = await stage.registered()
    first, second = await stage.draft(app, 1), await stage.draft(app, 2)
    await stage.step(first, "submit", body=KEPT_BACK)
    refused = await stage.step(second, "submit")
    assert outcome(refused) == (409, "another_release_open")
    assert refused.json()["other_release_id"] == first
    await stage.step(first, "approve")
    assert outcome(await stage.step(second, "submit")) == (409, "another_release_open")
    await stage.step(first, "withdraw")
    assert (await stage.step(second, "submit")).status_code == 200


async def test_one_of_two_releases_submitted_concurrently_is_open(stage: Stage) -> None:
    app = await stage.registered()
    drafts = [await stage.draft(app, version) for version in (1, 2, 3)]
    answers = await asyncio.gather(*(stage.step(draft, "submit") for draft in drafts))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "another_release_open"}


async def test_an_older_version_cannot_follow_a_newer_one(stage: Stage) -> None:
    app = await stage.registered()
    older = await stage.draft(app, 1)
    await stage.published(app, 2)
    refused = await stage.step(older, "submit")
    assert outcome(refused) == (409, "older_than_published")
    assert refused.json()["published_version_code"] == 2


@pytest.mark.parametrize("step", ["submit", "withdraw", "publish"])
async def test_a_release_is_not_found_by_other_teams(stage: Stage, step: str) -> None:
    release_id = await stage.draft(await stage.registered())
    for stranger in (stage.team_of(YINING), stage.team_of(KUYTUN), stage.team_of(KUYTUN, stage.team_organisation)):
        assert outcome(await stage.step(release_id, step, stranger)) == (404, "not_found")
    assert outcome(await stage.step(str(new_id()), step)) == (404, "not_found")
    for caller in (stage.reviewer, stage.tokens.resident(), stage.tokens.client(new_id(), "bills:write")):
        assert outcome(await stage.step(release_id, step, caller)) == (403, "not_allowed")


@pytest.mark.parametrize("step", ["approve", "reject"])
async def test_only_reviewers_of_other_organisations_decide(stage: Stage, step: str) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    own = stage.tokens.staff("reviewer", organisation_id=stage.team_organisation, division_code=PREFECTURE)
    assert outcome(await stage.step(release_id, step, own)) == (403, "own_organisation")
    for caller in (stage.team, stage.tokens.staff("operator"), stage.tokens.resident()):
        assert outcome(await stage.step(release_id, step, caller)) == (403, "not_allowed")
    assert await stage.status(release_id) == "submitted"


async def test_a_reviewer_with_a_second_role_in_the_apps_organisation_does_not_decide(stage: Stage) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    both = stage.person(("reviewer", new_id(), PREFECTURE), ("auditor", stage.team_organisation, YINING))
    assert outcome(await stage.step(release_id, "approve", both)) == (403, "own_organisation")


async def test_submitter_and_uploader_cannot_decide(stage: Stage) -> None:
    """Not even after a change of role, when the token shows a reviewer of another organisation."""
    app = await stage.registered()
    uploader, submitter = new_id(), new_id()
    release_id = await stage.draft(app, caller=await stage.colleague(person_id=uploader))
    await stage.step(release_id, "submit", await stage.colleague(person_id=submitter))
    for person_id in (uploader, submitter):
        changed_sides = stage.person(("reviewer", new_id(), PREFECTURE), person_id=person_id)
        assert outcome(await stage.step(release_id, "approve", changed_sides)) == (403, "own_submission")


async def test_one_of_two_concurrent_reviewers_decides(stage: Stage, database: Database) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    other = stage.tokens.staff("reviewer", organisation_id=new_id())
    answers = await asyncio.gather(
        stage.step(release_id, "approve"),
        stage.step(release_id, "reject", other),
        stage.step(release_id, "approve", other),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    async with database.read() as tx:
        decided = [event for event in await emitted(tx) if ".approved." in event.type or ".rejected." in event.type]
    assert len(decided) == 1


async def test_a_concurrent_withdrawal_and_approval_leave_one(stage: Stage) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    withdrawn, approved = await asyncio.gather(stage.step(release_id, "withdraw"), stage.step(release_id, "approve"))
    assert {withdrawn.status_code, approved.status_code} == {200, 409}
    expected = "draft" if withdrawn.status_code == 200 else "published"
    assert await stage.status(release_id) == expected
    assert len(await stage.catalogue()) == (expected == "published")


async def test_a_decision_on_an_older_submission_is_refused(stage: Stage) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    path = f"/miniapps/v1/releases/{release_id}"
    etag = (await stage.api.get(path, headers=stage.reviewer)).headers["etag"]
    await stage.step(release_id, "withdraw")
    await stage.step(release_id, "submit")
    late = await stage.step(release_id, "approve", if_match=etag)
    assert outcome(late) == (412, "edited_meanwhile")
    etag = (await stage.api.get(path, headers=stage.reviewer)).headers["etag"]
    assert (await stage.step(release_id, "approve", if_match=etag)).status_code == 200


@pytest.mark.parametrize("step", sorted(STEPS))
async def test_a_step_without_a_key_is_refused(stage: Stage, step: str) -> None:
    caller = stage.reviewer if step in {"approve", "reject"} else stage.team
    path = f"/miniapps/v1/releases/{new_id()}/{step}"
    answer = await stage.api.post(path, json={"reasons": REASONS}, headers=caller)
    assert outcome(answer) == (400, "idempotency_key_missing")


async def test_a_retried_approval_gets_the_first_answer(stage: Stage, database: Database) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    path, headers = f"/miniapps/v1/releases/{release_id}/approve", stage.reviewer | once()
    # The key belongs to the reviewer, so both requests carry the same token.
    first = await stage.api.post(path, headers=headers, json=BODIES["approve"])
    again = await stage.api.post(path, headers=headers, json=BODIES["approve"])
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    async with database.read() as tx:
        assert sum(".approved." in event.type for event in await emitted(tx)) == 1


@pytest.mark.parametrize(
    "reasons",
    [
        None,
        [],
        [{"code": "Broken", "where": "x", "message": "y"}],
        [{"code": "broken", "where": "", "message": "y"}],
        [{"code": "broken", "where": "x"}],
        [{"code": "broken", "where": "x", "message": "y\u0000"}],
        [{"code": "broken", "where": "x", "message": "y"}] * 51,
    ],
)
async def test_a_rejection_needs_reasons(stage: Stage, reasons: object) -> None:
    release_id = await brought_to(stage, Status.SUBMITTED)
    answer = await stage.step(release_id, "reject", body={"reasons": reasons})
    assert outcome(answer) == (422, "invalid_request")
    assert await stage.status(release_id) == "submitted"


async def test_the_releases_of_an_app_are_listed_newest_first(stage: Stage) -> None:
    app = await stage.registered()
    drafts = [await stage.draft(app, version) for version in (1, 2, 3)]
    path = f"/miniapps/v1/apps/{app['app_id']}/releases"
    page = (await stage.api.get(path, params={"limit": 2}, headers=stage.team)).json()
    rest = (await stage.api.get(path, params={"cursor": page["next_cursor"]}, headers=stage.team)).json()
    listed = [item["release_id"] for item in page["items"] + rest["items"]]
    assert listed == drafts[::-1]
    assert outcome(await stage.api.get(path, headers=stage.team_of(YINING))) == (404, "not_found")


async def test_every_change_makes_a_new_etag(stage: Stage) -> None:
    release_id = await stage.draft(await stage.registered())
    path = f"/miniapps/v1/releases/{release_id}"
    etags = [(await stage.api.get(path, headers=stage.team)).headers["etag"]]
    for step in ("submit", "withdraw", "submit", "reject", "submit", "approve"):
        await stage.step(release_id, step)
        etags.append((await stage.api.get(path, headers=stage.team)).headers["etag"])
    assert all(before != after for before, after in pairwise(etags))
    assert len(set(etags)) == len(etags)

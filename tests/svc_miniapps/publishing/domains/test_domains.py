"""The servers of an app: registered, proven by a file or a signed answer, checked again, and lost."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from chassis.db import Database, new_id
from chassis.http_client import outside_client
from svc_miniapps.publishing.domains.models import AppDomain
from svc_miniapps.publishing.domains.probe import Prober
from svc_miniapps.publishing.domains.worker import check_due, check_with
from tests.svc_miniapps.publishing.clients.test_clients import approved
from tests.svc_miniapps.publishing.domains.signing import KEYS, signing
from tests.svc_miniapps.publishing.handovers.test_handovers import Other, proposed, step
from tests.svc_miniapps.sample_packages import Package, manifest_for
from tests.svc_miniapps.stage import YINING, Json, Stage, outcome
from tests.svc_miniapps.team_servers import (
    TeamServer,
    proven,
    register_domain,
    registered_domain,
    request_check,
    shown,
)

REFUSED = {
    "form": [
        "gov",
        "10.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "a.cn:8443",
        "a.cn.",
        "A.cn",
        "伊宁.cn",
        "https://a.cn",
    ],
    "special": ["printer.local", "db.internal", "router.home.arpa", "a.test", "a.localhost"],
    "public_suffix": ["gov.cn", "*.gov.cn", "com.cn", "*.github.io", "a.nosuchsuffix"],
    "idna": ["xn--a.cn", "ab--cd.cn"],
}


def naming(app: Json, version_code: int, host: str) -> bytes:
    package = Package(manifest_for(app["app_id"], app["name"], version_code))
    package.files["app.js"] = f"const address = 'https://{host}/v1'".encode()
    return package.packed()


async def later(database: Database, days: float) -> None:
    """Move the checks of all domains into the past by so much."""
    async with database.transaction() as tx:
        times = (AppDomain.check_at, AppDomain.checked_at, AppDomain.failing_since, AppDomain.token_expires_at)
        await tx.execute(update(AppDomain).values({each.key: each - timedelta(days=days) for each in times}))


@pytest.mark.parametrize("reason", REFUSED)
async def test_only_public_names_of_somebody_are_registered(stage: Stage, reason: str) -> None:
    app = await stage.registered()
    for host in REFUSED[reason]:
        answer = await register_domain(stage, app, host)
        assert (outcome(answer), answer.json().get("reason")) == ((422, "domain_refused"), reason), host


@pytest.mark.parametrize("host", ["api.yining.gov.cn", "*.yining.gov.cn", "xn--4gq48lf9j.cn"])
async def test_a_public_name_waits_for_its_proof(stage: Stage, host: str) -> None:
    app = await stage.registered()
    domain = await registered_domain(stage, app, host)
    assert domain["status"] == "waiting"
    assert domain["proof_url"].startswith(f"https://{host.removeprefix('*.')}/.well-known/myili-domain/")
    assert all(part in domain["proof_content"] for part in (app["app_id"], host))
    assert outcome(await register_domain(stage, app, host)) == (409, "domain_exists")


async def test_a_loopback_name_is_accepted_in_an_embedded_run_alone() -> None:
    async with outside_client() as client:
        proof = signing(new_id(), "parking.localhost", "http://parking.localhost:1/x")
        assert await Prober(client, with_loopback=False).probe(proof) == "address_not_public"


async def test_a_file_proves_a_server_and_packages_may_name_it(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await stage.published(app)
    refused = await stage.upload(app, 2, naming(app, 2, "parking.localhost"))
    assert [each["code"] for each in refused.json()["findings"]] == ["domain_not_allowed"]
    await proven(stage, database, app, "parking.localhost")
    assert (await stage.upload(app, 2, naming(app, 2, "parking.localhost"))).status_code == 201
    refused = await stage.upload(app, 3, naming(app, 3, "other.localhost"))
    assert [each["code"] for each in refused.json()["findings"]] == ["domain_not_allowed"]


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ((404, {}, b""), "refused"),
        ((302, {"Location": "http://127.0.0.1:1/"}, b""), "refused"),
        ((200, {}, b"myili-domain"), "other_content"),
        ((200, {}, b"x" * 70_000), "no_answer"),
        ((200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"), "other_content"),
    ],
)
async def test_another_answer_proves_nothing_and_can_be_repeated(
    stage: Stage, database: Database, answer: tuple[int, dict[str, str], bytes], failure: str
) -> None:
    app = await stage.registered()
    with TeamServer().running() as server:
        domain = await registered_domain(stage, app, f"parking.localhost:{server.port}")
        server.answer = lambda _: answer
        await request_check(stage, domain)
        await check_due(database, with_loopback=True)
        found = await shown(stage, domain)
        assert (found["status"], found["failure"]) == ("waiting", failure)
        server.put(domain)
        await request_check(stage, domain)
        assert await check_due(database, with_loopback=True) == 0  # ten seconds lie between two calls
        await later(database, 0.001)
        assert await check_due(database, with_loopback=True) == 1
        assert (await shown(stage, domain))["status"] == "proven"
    assert len(server.asked) == 2


async def test_the_token_of_another_app_proves_nothing(stage: Stage, database: Database) -> None:
    app, other = await stage.registered(), await stage.registered(name="公交到站")
    with TeamServer().running() as server:
        domains = [await registered_domain(stage, each, f"parking.localhost:{server.port}") for each in (app, other)]
        server.put(domains[0], domains[1]["proof_content"])
        await request_check(stage, domains[0])
        await check_due(database, with_loopback=True)
    assert (await shown(stage, domains[0]))["failure"] == "other_content"


async def test_an_expired_token_is_renewed(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    with TeamServer().running() as server:
        domain = await registered_domain(stage, app, f"parking.localhost:{server.port}")
        server.put(domain)
        await request_check(stage, domain)
        await later(database, 8)
        await check_due(database, with_loopback=True)
        assert (await shown(stage, domain))["failure"] == "token_expired"
        assert outcome(await request_check(stage, domain)) == (409, "domain_token_expired")
        renewed = (await stage.post(f"domains/{domain['domain_id']}/renew", stage.team)).json()
        assert renewed["proof_content"] != domain["proof_content"]
        server.put(renewed)
        await later(database, 0.001)
        await request_check(stage, domain)
        await check_due(database, with_loopback=True)
        assert (await shown(stage, domain))["status"] == "proven"


async def test_a_signed_answer_proves_a_server(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    with TeamServer().running() as server:
        domain = await registered_domain(stage, app, f"parking.localhost:{server.port}", method="signature")
        found: list[str | None] = []
        for claims in (None, {"nonce": "old"}, {"aud": "other.localhost"}, {"sub": str(new_id())}, {}):
            if claims is not None and not found[1:]:
                await approved(stage, app, jwks=KEYS, redirect_uris=[])
            server.answer = signing(app["app_id"], "parking.localhost", domain["proof_url"]).answering(claims or {})
            await request_check(stage, domain)
            await later(database, 0.001)
            await check_due(database, with_loopback=True)
            found.append((await shown(stage, domain))["failure"])
        assert found == ["no_keys", *["signature_wrong"] * 3, None]
        assert (await shown(stage, domain))["status"] == "proven"


async def test_a_name_that_moves_to_a_private_address_leaves_at_once(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    domain = await registered_domain(stage, app, "api.yining.gov.cn")
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE app_domains SET status = 'proven', proven_at = now(), check_at = now()"))

    async def moved(_: str, __: int) -> list[str]:
        return ["203.119.80.1", "10.0.0.8"]

    async with outside_client() as client:
        assert await check_with(database, Prober(client, with_loopback=True, resolve=moved)) == 1
    found = await shown(stage, domain)
    assert (found["status"], found["failure"]) == ("lost", "address_not_public")
    async with database.read() as tx:
        seals = text("SELECT content->>'status' FROM audit_seals WHERE table_name = 'app_domains' ORDER BY position")
        assert list(await tx.scalars(seals))[-1] == "lost"


async def test_a_proof_that_is_gone_for_days_is_lost_and_a_submission_sees_it(stage: Stage, database: Database) -> None:
    app = await stage.registered()
    await proven(stage, database, app, "parking.localhost")
    drafts = [
        (await stage.upload(app, version_code, naming(app, version_code, "parking.localhost"))).json()["release_id"]
        for version_code in (1, 2)
    ]
    assert (await stage.step(drafts[0], "submit")).status_code == 200
    for days, status in ((1.1, "proven"), (1.5, "proven"), (1.6, "lost")):
        await later(database, days)
        assert await check_due(database, with_loopback=True) == 1
        (found,) = (await stage.api.get(f"/miniapps/v1/apps/{app['app_id']}/domains", headers=stage.team)).json()[
            "items"
        ]
        assert (found["status"], found["failure"]) == (status, "not_reached")
    answer = await stage.step(drafts[0], "approve")
    assert (outcome(answer), answer.json()["domains"]) == ((409, "domains_not_proven"), ["parking.localhost"])
    assert (await stage.step(drafts[0], "withdraw")).status_code == 200
    assert outcome(await stage.step(drafts[1], "submit")) == (409, "domains_not_proven")


async def test_what_another_team_has_proven_is_not_taken_over(stage: Stage, database: Database) -> None:
    app, second = await stage.registered(), await stage.registered(name="公交到站")
    other = stage.team_of(YINING)
    theirs = await stage.registered(other, name="图书馆")
    early = await registered_domain(stage, theirs, "parking.localhost:9000", other)
    await proven(stage, database, app, "parking.localhost")
    await proven(stage, database, second, "parking.localhost")  # the same organisation
    with TeamServer().running() as server:
        async with database.transaction() as tx:
            await tx.execute(
                text("UPDATE app_domains SET test_port = :port WHERE id = :id"),
                {"port": server.port, "id": early["domain_id"]},
            )
        server.put(early)
        await request_check(stage, early, other)
        await check_due(database, with_loopback=True)
    assert (await shown(stage, early, other))["failure"] == "proven_by_others"
    new = await stage.registered(other, name="体育馆")
    assert outcome(await register_domain(stage, new, "parking.localhost:9000", other)) == (
        409,
        "domain_proven_by_others",
    )


@pytest.mark.parametrize(
    ("proven_host", "host", "status"),
    [
        ("*.yining.gov.cn", "api.yining.gov.cn", 409),
        ("*.yining.gov.cn", "yining.gov.cn", 409),
        ("api.yining.gov.cn", "*.yining.gov.cn", 409),
        ("api.yining.gov.cn", "map.yining.gov.cn", 201),
        ("api.yining.gov.cn", "*.map.yining.gov.cn", 201),
    ],
)
async def test_a_wildcard_is_everything_below_it(
    stage: Stage, database: Database, proven_host: str, host: str, status: int
) -> None:
    app, other = await stage.registered(), stage.team_of(YINING)
    theirs = await stage.registered(other, name="图书馆")
    await registered_domain(stage, app, proven_host)
    async with database.transaction() as tx:
        await tx.execute(text("UPDATE app_domains SET status = 'proven', proven_at = now()"))
    assert (await register_domain(stage, theirs, host, other)).status_code == status
    named = "api.yining.gov.cn" if proven_host.startswith("*") else proven_host
    assert (await stage.upload(app, 1, naming(app, 1, named))).status_code == 201


async def test_two_teams_prove_one_server_at_once_and_one_of_them_has_it(stage: Stage, database: Database) -> None:
    other = stage.team_of(YINING)
    app, theirs = await stage.registered(), await stage.registered(other, name="图书馆")
    with TeamServer().running() as server:
        contents = {}
        for each, caller in ((app, stage.team), (theirs, other)):
            domain = await registered_domain(stage, each, f"parking.localhost:{server.port}", caller)
            contents[domain["proof_url"].rpartition("/")[2]] = domain["proof_content"].encode()
            await request_check(stage, domain, caller)
        server.answer = lambda path: (200, {}, contents[path.rpartition("/")[2]])
        await asyncio.gather(*(check_due(database, with_loopback=True) for _ in range(3)))
    async with database.read() as tx:
        rows = (await tx.execute(text("SELECT status, failure FROM app_domains ORDER BY status"))).all()
    assert [tuple(row) for row in rows] == [("proven", None), ("waiting", "proven_by_others")]


async def test_nothing_stays_allowed_when_the_app_is_handed_over(stage: Stage, database: Database) -> None:
    app, other = await stage.registered(), Other(stage)
    domain = await proven(stage, database, app, "parking.localhost")
    handover = await proposed(stage, other, app)
    assert (await step(stage, handover, "accept", other.lead)).status_code == 200
    found = await shown(stage, domain, other.lead)
    assert (found["status"], found["failure"]) == ("lost", "handed_over")


async def test_a_team_has_its_own_and_a_reviewer_reads_them(stage: Stage, database: Database) -> None:
    app, other = await stage.registered(), stage.team_of(YINING)
    domain = await proven(stage, database, app, "parking.localhost")
    assert (await shown(stage, domain, stage.reviewer))["host"] == "parking.localhost"
    path = f"/miniapps/v1/domains/{domain['domain_id']}"
    for caller, status in ((other, 404), (stage.reviewer, 403), (stage.team, 204)):
        assert (await stage.api.delete(path, headers=caller)).status_code == status
    assert outcome(await request_check(stage, domain)) == (409, "illegal_move")
    assert outcome(await stage.upload(app, 1, naming(app, 1, "parking.localhost"))) == (422, "package_refused")


async def test_an_app_has_twenty_servers_at_most(stage: Stage) -> None:
    app = await stage.registered()
    answers = await asyncio.gather(*(register_domain(stage, app, f"a{each}.yining.gov.cn") for each in range(22)))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 2

"""workflow: steps of cases per second through the API, against pgbench executing the same SQL.

Ours: one process of svc_services; over many connections a company accepts cases, each once: the lock on the case, the
count of its days, the step, the events, the record that the company has read it, the stored answer. Baseline: the
statements of one such request, recorded where SQLAlchemy executes them and sent by pgbench for other cases, in the same
transactions on the same database with fsync on. Rounds alternate; the medians are kept.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID, uuid4

import uvloop

from chassis.testing import client_of
from svc_services.app import create_app
from svc_services.settings import Settings
from tests.bench.load import send_prepared
from tests.bench.many_applications import LARGEST_DIVISION, company, fill
from tests.bench.pgbench import transactions_per_second
from tests.bench.recorded_sql import Recorded, recorded
from tests.bench.report import report
from tests.bench.services_stage import ServicesStage, services_stage
from tests.bench.stage import connected, cpu_seconds

ROUNDS = 3
STEPS = 400
CONNECTIONS = 16
CLIENTS = 8
GOAL = 0.5
_COMPANY = company("water", LARGEST_DIVISION)
_RECEIVED = "/services/v1/received-applications"
_OTHERS = 5_000
"""Applications of other people, so that tables and indexes are not empty."""
_CASES = """
    INSERT INTO applications (id, person_id, provider_id, workflow_id, kind, division_code, form, status, state,
        version, consumed_days, state_days, counted_to, clock_runs, promised_on, level, calendar_revision,
        promised_by_weekdays, created_at, submitted_at)
    SELECT md5('case ' || n)::uuid, gen_random_uuid(), $1, workflows.id, workflows.application_kind, $2,
        '{"address": "解放西路1号", "phone": "13800000000"}', 'open', 'submitted', 2, 0, '{}', current_date, true,
        current_date + 28, 0, 0, false, now(), now()
    FROM generate_series(0, $3::integer - 1) AS n
    JOIN workflows ON utility_kind = 'water' AND application_kind = 'new_connection' AND workflows.version = 1
"""


def case(number: int) -> UUID:
    return UUID(hashlib.md5(f"case {number}".encode(), usedforsecurity=False).hexdigest())


@dataclass
class Cases:
    """Numbers of cases that no step was taken of yet."""

    used: int = 0

    def take(self, number: int) -> range:
        self.used += number
        return range(self.used - number, self.used)


async def make_cases(stage: ServicesStage) -> None:
    async with connected(stage.database) as connection:
        await fill(connection, _OTHERS)
        await connection.execute(_CASES, _COMPANY, LARGEST_DIVISION, STEPS * (2 * ROUNDS + 2) + 2)
        await connection.execute("VACUUM (ANALYZE) applications")


def accepted(stage: ServicesStage, cases: Cases, file: Path) -> float:
    """Steps per second over HTTP."""
    headers = stage.tokens.client(_COMPANY, "accounts:write")
    requests = [_request(stage.where, case(number), headers) for number in cases.take(STEPS)]
    return send_prepared(stage.where, CONNECTIONS, 200, requests, file)


def _request(where: str, case_id: UUID, headers: Mapping[str, str]) -> bytes:
    body = json.dumps({"action": "accept"})
    lines = {
        "Host": where,
        **headers,
        "If-Match": '"2"',
        "Idempotency-Key": uuid4().hex,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    head = "\r\n".join(f"{name}: {value}" for name, value in lines.items())
    return f"POST {_RECEIVED}/{case_id}/actions HTTP/1.1\r\n{head}\r\n\r\n{body}".encode()


async def record_one(stage: ServicesStage, cases: Cases) -> tuple[Recorded, UUID, str]:
    """One step, taken by the same application on the same database; with the case and the stored key."""
    first, second = (case(number) for number in cases.take(2))
    key = uuid4().hex
    app = create_app(Settings.model_validate(stage.settings))
    async with client_of(app) as api:
        for case_id, once in ((first, uuid4().hex), (second, key)):  # at the first one keys are fetched
            headers = {**stage.tokens.client(_COMPANY, "accounts:write"), "If-Match": '"2"', "Idempotency-Key": once}
            with recorded(app.state.database.engine) as record:
                answer = await api.post(f"{_RECEIVED}/{case_id}/actions", json={"action": "accept"}, headers=headers)
            if not answer.is_success:
                raise SystemExit(f"The step was refused: {answer.text}")
    return record, second, hashlib.sha256(b"key\n" + key.encode()).hexdigest()


def measure(stage: ServicesStage) -> tuple[list[float], list[float], float]:
    """Steps per second over HTTP and by pgbench, one per round, and the service's CPU milliseconds per step."""
    uvloop.run(make_cases(stage))
    cases = Cases()
    log = io.StringIO()
    with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        record, case_id, key = uvloop.run(record_one(stage, cases))
    print(f"  one step is {len(record.steps)} statements, begins and ends of transactions included")
    file, script = stage.folder / "requests", stage.folder / "workflow.pgbench"
    number = f":first + :client_id * {STEPS // CLIENTS} + :k"
    given = {case_id: f"(md5('case ' || ({number})))", key: "(md5(:n::text))", str(case_id): "(md5(:n::text))"}
    script.write_text(record.script("\\set k :k + 1", given=given))
    accepted(stage, cases, file)
    ours, plain, spent = [], [], []
    for round_number in range(1, ROUNDS + 1):
        first = cases.take(STEPS).start
        options = (f"--define=first={first}", "--define=k=-1")
        plain.append(
            transactions_per_second(stage.as_service, script, *options, clients=CLIENTS, each=STEPS // CLIENTS)
        )
        before = cpu_seconds(stage.process)
        ours.append(accepted(stage, cases, file))
        spent.append(1e3 * (cpu_seconds(stage.process) - before) / STEPS)
        print(f"  round {round_number}: steps {ours[-1]:,.1f}/s, pgbench {plain[-1]:,.1f}/s")
    uvloop.run(_check_all_taken(stage, cases.used))
    return ours, plain, median(spent)


async def _check_all_taken(stage: ServicesStage, cases: int) -> None:
    """Each side has moved its cases: one step of each, whoever took it."""
    query = "SELECT count(*), count(DISTINCT application_id) FROM application_steps WHERE action = 'accept'"
    async with connected(stage.database) as connection:
        (counted,) = await connection.fetch(query)
        moved = await connection.fetchval("SELECT count(*) FROM applications WHERE state = 'accepted'")
    if (*counted, moved) != (cases, cases, cases):
        raise SystemExit(f"{cases:,} steps became {counted['count']:,} steps, and {moved:,} cases moved")


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name, services_stage(Path(name)) as stage:
        ours, plain, cpu_ms = measure(stage)
    detail = {"goal": GOAL, "steps": STEPS, "rounds": ROUNDS, "connections": CONNECTIONS, "pgbench_clients": CLIENTS}
    report("workflow", median(ours), median(plain), "steps/s", {**detail, "service_cpu_ms": round(cpu_ms, 1)})


if __name__ == "__main__":
    main()

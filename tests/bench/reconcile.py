"""A channel's statement of a million lines against a ledger with a million payments of the day.

`reconcile` is the seconds of a whole run, from the request to the cases it opens, `reconcile_matching` of its first
phase alone, `reconcile_from_file` of the upload, parsing and storing of the file and the run. The baseline of each is
one SQL full join of the same tables that counts the differences, with as much memory for its hash. Rounds alternate;
medians are kept. The file differs from the ledger in known places: a run that finds anything else, or whose repetition
changes anything, ends the benchmark.
"""

import asyncio
import time
from dataclasses import dataclass, field
from datetime import timedelta
from io import BufferedWriter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from uuid import UUID

import asyncpg
import httpx
import psutil

from chassis.db import Database
from chassis.settings import load
from kit.calendar import today
from kit.environment import environment
from svc_payments.reconciliation.runs import service as reconciliation
from svc_payments.reconciliation.runs.matcher import Day
from svc_payments.reconciliation.runs.models import Phase, Run
from svc_payments.reconciliation.statements import service as statements
from svc_payments.reconciliation.statements.layouts.sandbox import HEADER
from svc_payments.settings import Settings
from tests.bench.report import report
from tests.bench.stage import MEGABYTE, Stage, payments_service, peak_memory, service_settings

PAYMENTS = 1_000_000
PERSONS = 200_000
OF_EACH_KIND = 100
"""Lines that are missing, unknown or of another amount."""
ROUNDS = 3
GOAL = "at most 2"
CHANNEL = statements.of_channel("sandbox")
DAY = Day(today() - timedelta(days=1), timedelta(hours=1))
_AT_ONCE = 20_000

# The day's payments, drawn before they are inserted. None is in the last hour before midnight.
_DRAW = """
    CREATE UNLOGGED TABLE drawn AS
    SELECT n, uuidv7($1::timestamptz - now()) AS payment_id, uuidv7() AS transfer_id,
        md5('payer ' || n % $3)::uuid AS person_id, md5('order ' || n) AS order_number,
        '4200' || lpad((n * 7919)::text, 24, '0') AS transaction_id, 100 + n * 104729 % 50000 AS amount_fen,
        $1::timestamptz + n * interval '80 milliseconds' AS paid_at
    FROM generate_series(0, $2::bigint - 1) AS n
"""
_ACCOUNTS = """
    INSERT INTO ledger_accounts (id, kind, holder)
    SELECT uuidv7(), 'channel_receivable', 'sandbox'
    UNION ALL SELECT uuidv7(), 'person_clearing', person_id::text FROM (SELECT DISTINCT person_id FROM drawn) AS payers
"""
_PAYMENTS = """
    INSERT INTO payments (id, person_id, provider_id, channel, amount_fen, status, held, expires_at, created_at,
        captured_at)
    SELECT payment_id, person_id, md5('provider ' || n % 8)::uuid, 'sandbox', amount_fen, 'captured', false,
        paid_at + interval '30 minutes', paid_at, paid_at
    FROM drawn
"""
_ATTEMPTS = """
    INSERT INTO payment_attempts (id, payment_id, channel, order_number, transaction_id, paid_at, created_at, asked)
    SELECT uuidv7(), payment_id, 'sandbox', order_number, transaction_id, paid_at, paid_at, 0 FROM drawn
"""
_TRANSFERS = """
    INSERT INTO ledger_transfers (id, kind, reference_id, created_at)
    SELECT transfer_id, 'payment_captured', payment_id, paid_at FROM drawn WHERE n >= $1 AND n < $2
"""
_ENTRIES = """
    INSERT INTO ledger_entries (transfer_id, account_id, amount_fen)
    SELECT transfer_id, leg.account_id, leg.amount_fen
    FROM drawn
    JOIN ledger_accounts AS payer ON payer.kind = 'person_clearing' AND payer.holder = person_id::text
    JOIN ledger_accounts AS channel ON channel.kind = 'channel_receivable'
    CROSS JOIN LATERAL (VALUES (channel.id, drawn.amount_fen), (payer.id, -drawn.amount_fen))
        AS leg (account_id, amount_fen)
    WHERE n >= $1 AND n < $2 ORDER BY n
"""
_LINES = """
    SELECT concat_ws(',', 'payment', CASE kind WHEN 'unknown' THEN md5('unknown ' || n) ELSE order_number END,
        transaction_id || CASE kind WHEN 'unknown' THEN 'U' ELSE '' END, '', '',
        amount_fen + (kind = 'dearer')::integer, 0, 'succeeded',
        to_char(paid_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD"T"HH24:MI:SS"+08:00"')) AS line,
        amount_fen + (kind = 'dearer')::integer AS amount_fen
    FROM (
        SELECT *, 'equal' AS kind FROM drawn WHERE n % {step} NOT IN (1, 2)
        UNION ALL SELECT *, 'dearer' FROM drawn WHERE n % {step} = 1
        UNION ALL SELECT *, 'unknown' FROM drawn WHERE n % {step} = 3
    ) AS lines
"""
_FULL_JOIN = """
    SELECT count(*) FILTER (WHERE line.amount_fen IS DISTINCT FROM ours.amount_fen)
    FROM (SELECT * FROM statement_lines WHERE statement_id = $1) AS line
    FULL JOIN (
        SELECT attempt.order_number AS number, attempt.transaction_id, entry.amount_fen
        FROM payment_attempts AS attempt
        JOIN ledger_transfers AS transfer ON transfer.reference_id = attempt.payment_id
        JOIN ledger_entries AS entry ON entry.transfer_id = transfer.id AND entry.account_id = $2
        WHERE attempt.channel = 'sandbox' AND attempt.paid_at >= $3 AND attempt.paid_at < $4
    ) AS ours ON ours.number = line.number AND ours.transaction_id = line.transaction_id
"""


@dataclass
class Taken:
    """Seconds of each round."""

    joins: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)
    matching: list[float] = field(default_factory=list)


def main() -> None:
    with TemporaryDirectory(prefix="myili-bench-") as name, payments_service(Path(name)) as stage:
        file = Path(name) / "statement.csv"
        asyncio.run(_fill(stage, file))
        file_mb = round(file.stat().st_size / MEGABYTE)
        with peak_memory(stage.process) as service_peak:
            intake = _upload(stage, file)
        print(f"  the file's {file_mb} MB are in after {intake:.1f} s", flush=True)
        with peak_memory(psutil.Process()) as own_peak:
            taken = asyncio.run(_rounds(stage))
    detail = {
        "goal": GOAL,
        "lines": PAYMENTS,
        "differences": 3 * OF_EACH_KIND,
        "first_run": round(taken.runs[0], 2),
        "peak_memory_mb": own_peak.megabytes,
        "rounds": ROUNDS,
    }
    baseline = median(taken.joins)
    report("reconcile", median(taken.runs), baseline, "s", detail)
    report("reconcile_matching", median(taken.matching), baseline, "s", {"rounds": ROUNDS})
    in_file = {"file_mb": file_mb, "intake": round(intake, 2), "service_peak_memory_mb": service_peak.megabytes}
    report("reconcile_from_file", intake + taken.runs[0], baseline, "s", in_file)


async def _fill(stage: Stage, file: Path) -> None:
    """Insert a day of payments into the ledger with its triggers on, and write the channel's file of that day."""
    began = time.perf_counter()
    async with stage.connected() as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(_DRAW, DAY.begins, PAYMENTS, PERSONS)
        for statement in ("CREATE INDEX ON drawn (n)", "ANALYZE drawn", _ACCOUNTS, _PAYMENTS, _ATTEMPTS):
            await connection.execute(statement)
        await connection.execute("ANALYZE ledger_accounts")
        for first in range(0, PAYMENTS, _AT_ONCE):
            async with connection.transaction():
                await connection.execute(_TRANSFERS, first, first + _AT_ONCE)
                await connection.execute(_ENTRIES, first, first + _AT_ONCE)
            done = first + _AT_ONCE
            if done % 200_000 == 0:
                print(f"  {done:,} payments after {time.perf_counter() - began:.0f} s", flush=True)
        with file.open("wb") as output:
            await _write(connection, output)
        await connection.execute("DROP TABLE drawn")
        # As autovacuum leaves them by the next morning.
        await connection.execute("VACUUM (ANALYZE) payments, payment_attempts, ledger_transfers, ledger_entries")


async def _write(connection: asyncpg.Connection, output: BufferedWriter) -> None:
    lines = _LINES.format(step=PAYMENTS // OF_EACH_KIND)
    total = await connection.fetchval(f"SELECT concat_ws(',', count(*), sum(amount_fen)) FROM ({lines}) AS all_lines")  # noqa: S608 - our own
    output.write(f"statement,my-ili,{DAY.day}\n{HEADER}\n".encode())
    await connection.copy_from_query(f"SELECT line FROM ({lines}) AS all_lines", output=output)  # noqa: S608 - our own
    output.write(f"total,{total},0,0\n".encode())


def _upload(stage: Stage, file: Path) -> float:
    headers = stage.tokens.staff("operator") | {"Content-Type": "text/csv"}
    with file.open("rb") as content:
        started = time.perf_counter()
        url = f"{stage.service}/payments/v1/channel-statements/sandbox/{DAY.day}"
        httpx.put(url, content=content, headers=headers, timeout=600).raise_for_status()
        return time.perf_counter() - started


async def _rounds(stage: Stage) -> Taken:
    server = stage.database.rpartition("/")[0]
    with environment(**service_settings(server, stage.tokens, stage.folder)):
        settings = load(Settings)
    database = Database.of(settings)
    taken = Taken()
    try:
        async with stage.connected() as connection:
            before = None
            for number in range(1, ROUNDS + 1):
                taken.joins.append(await _full_join(connection))
                await _run(database, settings, taken)
                after = await _books(connection)
                if before not in {None, after}:
                    raise SystemExit(f"A repeated run changed something: {before} became {after}.")
                before = after
                print(f"  round {number}: full join {taken.joins[-1]:.1f} s, run {taken.runs[-1]:.1f} s", flush=True)
    finally:
        await database.close()
    return taken


async def _full_join(connection: asyncpg.Connection) -> float:
    statement_id: UUID = await connection.fetchval("SELECT id FROM statements")
    account_id: UUID = await connection.fetchval("SELECT id FROM ledger_accounts WHERE kind = 'channel_receivable'")
    async with connection.transaction():
        await connection.execute("SET LOCAL work_mem = '256MB'")
        started = time.perf_counter()
        differences = await connection.fetchval(_FULL_JOIN, statement_id, account_id, DAY.begins, DAY.ends)
        seconds = time.perf_counter() - started
    if differences != 3 * OF_EACH_KIND:
        raise SystemExit(f"The full join counts {differences} differences.")
    return seconds


async def _run(database: Database, settings: Settings, taken: Taken) -> None:
    begun: dict[Phase, float] = {}

    async def notify(run: Run) -> None:
        begun[Phase(run.phase)] = time.perf_counter()

    started = time.perf_counter()
    async with database.transaction() as tx:
        requested = await reconciliation.request(tx, CHANNEL, DAY.day, "bench")
    run = await reconciliation.carry_out(database, settings, requested.id, notify)
    taken.runs.append(time.perf_counter() - started)
    taken.matching.append(begun[Phase.JUDGING] - begun[Phase.MATCHING])
    found = (run.lines, run.movements, run.matched, run.shortage, run.excess, run.amount_differs)
    planted = (PAYMENTS, PAYMENTS, PAYMENTS - 2 * OF_EACH_KIND, *[OF_EACH_KIND] * 3)
    if found != planted or run.late or run.carried_over or run.state_differs:
        raise SystemExit(f"The run found {found} instead of {planted}.")


async def _books(connection: asyncpg.Connection) -> tuple[int, ...]:
    """What a run may change: cases, their history, ledger transfers."""
    tables = ("cases", "case_entries", "ledger_transfers", "ledger_entries")
    counts = [await connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608 - the names above
    if counts[0] != 3 * OF_EACH_KIND:
        raise SystemExit(f"There are {counts[0]} cases instead of one for each difference.")
    return tuple(counts)


if __name__ == "__main__":
    main()

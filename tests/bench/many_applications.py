"""Two years of applications of a prefecture in any size, and the companies and residents that they are of.

Nearly all have ended; of the last two weeks most are open, and a few of any time. Water, gas, heating and cable TV have
a company in each division, electricity and telecom one for all. A resident has three applications on average. Made set
by set in the database: two million take some minutes.
"""

import time
from hashlib import md5
from uuid import NAMESPACE_URL, UUID, uuid5

import asyncpg

LARGEST_DIVISION = "654002"
DIVISIONS = (
    *[LARGEST_DIVISION] * 6,
    *["654003", "654021", "654023"] * 2,
    *("654004", "654022", "654024", "654025", "654026", "654027", "654028"),
)
"""As often as they have residents."""
_LOCAL, _WHOLE = ("water", "gas", "heating", "cable_tv"), ("electricity", "telecom")
_AT_ONCE = 200_000
_PER_RESIDENT = 3

_COMPANY = """
    WITH applied AS (
        INSERT INTO provider_applications (id, uscc, name, kind, division_codes, jwks, endpoint_url, token_hash,
            status, decided_by, decided_at, created_at)
        VALUES ($1, $2, 'Sample company', $3, $4, '{"keys": []}', 'http://127.0.0.1:1', '',
            'approved', $1, now(), now())
        RETURNING *
    )
    INSERT INTO providers (id, uscc, name, kind, division_codes, jwks, endpoint_url, approved_at)
    SELECT id, uscc, name, kind, division_codes, jwks, endpoint_url, now() FROM applied
"""
# Numbers that are multiplied by primes spread over everything without being drawn.
_APPLICATIONS = """
    INSERT INTO applications (id, person_id, provider_id, workflow_id, kind, division_code, account_number, form,
        status, state, version, consumed_days, state_days, counted_to, clock_runs, promised_on, flag, level, look_at,
        calendar_revision, promised_by_weekdays, created_at, submitted_at, ended_at)
    SELECT uuidv7(begun - now()), md5('applicant ' || abs(hashint8(n)::bigint) % $4)::uuid, provider_id, workflow_id,
        kind, division,
        CASE WHEN kind = 'new_connection' THEN NULL ELSE lpad(n::text, 10, '0') END,
        jsonb_build_object('address', '解放西路' || n % 999 || '号', 'phone', '13800000000', 'note', repeat('注', 40)),
        status, CASE status WHEN 'open' THEN 'submitted' WHEN 'ended' THEN 'completed' END,
        3, n % 9, '{"submitted": 1}', CASE status WHEN 'draft' THEN NULL ELSE begun::date END, status = 'open',
        begun::date + 28,
        CASE WHEN status = 'open' THEN CASE n / 19 % 19 WHEN 0 THEN 'red' WHEN 1 THEN 'yellow' END END,
        CASE WHEN status = 'open' AND n / 19 % 19 = 0 THEN 1 ELSE 0 END,
        CASE status WHEN 'open' THEN current_date + 9 END, 0, false, begun,
        CASE status WHEN 'draft' THEN NULL ELSE begun END, CASE status WHEN 'ended' THEN begun + interval '9 days' END
    FROM (
        SELECT n, begun, drawn.division, workflows.id AS workflow_id, workflows.application_kind AS kind,
            companies.id AS provider_id,
            CASE WHEN n % 101 = 0 THEN 'draft'
                WHEN n % 100 < CASE WHEN begun > now() - interval '15 days' THEN 70 ELSE 1 END THEN 'open'
                ELSE 'ended' END AS status
        FROM generate_series($1::bigint, $2::bigint - 1) AS n
        CROSS JOIN LATERAL (
            SELECT now() - interval '730 days' * (1 - n::float8 / $3) AS begun,
                ($5::text[])[1 + n * 7919 % cardinality($5::text[])] AS division
        ) AS drawn
        JOIN sample_workflows AS workflows ON workflows.number = n * 104729 % (SELECT count(*) FROM sample_workflows)
        JOIN sample_companies AS companies
            ON companies.kind = workflows.utility_kind AND companies.division IN (drawn.division, '654000')
    ) AS made
"""
_SAMPLES = """
    CREATE TEMPORARY TABLE sample_companies AS
        SELECT id, kind, unnest(division_codes) AS division FROM providers;
    CREATE TEMPORARY TABLE sample_workflows AS
        SELECT id, utility_kind, application_kind,
            row_number() OVER (ORDER BY utility_kind, application_kind) - 1 AS number
        FROM workflows WHERE version = 1;
    ANALYZE sample_companies, sample_workflows
"""


def resident(number: int) -> UUID:
    """The id that the SQL gives to one of the residents, counted from 0."""
    return UUID(md5(f"applicant {number}".encode(), usedforsecurity=False).hexdigest())


def company(kind: str, division: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"bench {kind} {division}")


async def fill(connection: asyncpg.Connection, applications: int) -> int:
    """Make so many applications and return the number of residents."""
    local = [(kind, division) for kind in _LOCAL for division in sorted(set(DIVISIONS))]
    for number, (kind, division) in enumerate([*local, *((kind, "654000") for kind in _WHOLE)]):
        await connection.execute(_COMPANY, company(kind, division), f"9165400{number:011}", kind, [division])
    await connection.execute(_SAMPLES)
    residents = applications // _PER_RESIDENT
    started = time.perf_counter()
    for first in range(0, applications, _AT_ONCE):
        end = min(first + _AT_ONCE, applications)
        await connection.execute(
            _APPLICATIONS,
            first,
            end,
            applications,
            residents,
            DIVISIONS,
        )
        if applications > _AT_ONCE:
            print(f"  {end:,} of {applications:,} applications after {time.perf_counter() - started:.0f} s", flush=True)
    # As autovacuum would have left a table that came to this size over two years.
    await connection.execute("VACUUM (ANALYZE) applications")
    return residents

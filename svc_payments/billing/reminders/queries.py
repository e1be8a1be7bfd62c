"""One step of a run: a range of bills, and the reminders that follow from it, in one statement each."""

from sqlalchemy import TextClause, text

UNTIL: TextClause = text("""
    SELECT due_date, id, bills
    FROM (
        SELECT due_date, id, count(*) OVER () AS bills
        FROM (
            SELECT due_date, id FROM bills
            WHERE (due_date, id) > (:due_date, :bill_id) AND status = 'due' AND kind = 'regular'
            ORDER BY due_date, id LIMIT :size
        ) AS step
    ) AS counted
    ORDER BY due_date DESC, id DESC LIMIT 1
""")
"""The last of the next few bills that wait, and how many they are; no row when none is left.

What is withdrawn, paid or being paid is not due, and an advance or a top-up needs no reminder.
"""

RAISE: TextClause = text("""
    WITH step AS MATERIALIZED (
        SELECT id, provider_id, account_number, period, usage, amount_fen, due_date, created_at
        FROM bills
        WHERE (due_date, id) > (:due_date, :bill_id) AND (due_date, id) <= (:until_date, :until_id)
            AND status = 'due' AND kind = 'regular'
            AND EXISTS (
                SELECT FROM account_bindings AS bound
                WHERE bound.provider_id = bills.provider_id AND bound.account_number = bills.account_number
                    AND bound.ended_at IS NULL
            )
    ), changed AS (
        SELECT step.id, usual.compared_with, usual.amount_fen
        FROM step
        CROSS JOIN LATERAL (
            SELECT 'last_year' AS compared_with, sum(amount_fen)::bigint AS amount_fen, sum(usage) AS usage
            FROM bills AS earlier
            WHERE earlier.provider_id = step.provider_id AND earlier.account_number = step.account_number
                AND earlier.kind = 'regular' AND earlier.status NOT IN ('void', 'expired', 'superseded')
                AND earlier.period = step.period - interval '1 year'
            HAVING count(*) > 0
            UNION ALL
            SELECT 'last_months', (sum(amount_fen) / 3)::bigint, sum(usage) / 3
            FROM bills AS earlier
            WHERE earlier.provider_id = step.provider_id AND earlier.account_number = step.account_number
                AND earlier.kind = 'regular' AND earlier.status NOT IN ('void', 'expired', 'superseded')
                AND earlier.period < step.period AND earlier.period >= step.period - interval '3 months'
            HAVING count(DISTINCT earlier.period) = 3
            LIMIT 1
        ) AS usual
        WHERE step.created_at >= CAST(:new_since AS timestamptz)
            AND abs(step.amount_fen - usual.amount_fen) >= CAST(:floor_fen AS bigint)
            AND (
                abs(step.amount_fen - usual.amount_fen) * 100 >= usual.amount_fen * CAST(:percent AS bigint)
                OR step.usage <> usual.usage
                AND abs(step.usage - usual.usage) * 100 >= usual.usage * CAST(:percent AS bigint)
            )
    ), called_for AS (
        SELECT id, 'due_soon' AS kind, 0 AS stage, NULL::text AS compared_with, NULL::bigint AS usual_fen
        FROM step WHERE due_date BETWEEN CAST(:today AS date) AND CAST(:today AS date) + CAST(:due_days AS integer)
        UNION ALL
        SELECT id, 'overdue', reached.stage, NULL, NULL
        FROM step, LATERAL (
            SELECT max(stage) AS stage FROM unnest(CAST(:stages AS integer[])) AS stage
            WHERE stage <= CAST(:today AS date) - due_date
        ) AS reached
        WHERE reached.stage IS NOT NULL
        UNION ALL
        SELECT id, 'large_change', 0, compared_with, amount_fen FROM changed
    ), raised AS (
        INSERT INTO reminders (bill_id, person_id, kind, stage, day, compared_with, usual_fen)
        SELECT called_for.id, bound.person_id, called_for.kind, called_for.stage, CAST(:today AS date),
            compared_with, usual_fen
        FROM called_for
        JOIN step USING (id)
        JOIN account_bindings AS bound
            ON bound.provider_id = step.provider_id AND bound.account_number = step.account_number
            AND bound.ended_at IS NULL AND (bound.access_until IS NULL OR bound.access_until >= CAST(:today AS date))
            AND (bound.held_from IS NULL OR step.period >= date_trunc('month', bound.held_from))
            AND (
                bound.starts_on IS NULL
                OR step.period >= date_trunc('month', bound.starts_on)
                AND step.created_at >= bound.starts_on::timestamp AT TIME ZONE 'Asia/Shanghai'
            )
        -- What the people used who lived there before is not a tenant's to know, nor a new holder's.
        WHERE (
                called_for.kind <> 'large_change'
                OR bound.role IN ('owner', 'family')
                AND (
                    bound.held_from IS NULL
                    OR step.period - interval '1 year' >= date_trunc('month', bound.held_from)
                )
            )
            AND NOT EXISTS (
                SELECT FROM muted_reminders AS muted
                WHERE muted.binding_id = bound.binding_id AND muted.kind = called_for.kind
            )
        ON CONFLICT (bill_id, person_id, kind, stage) DO NOTHING
        RETURNING id, bill_id, person_id, kind, compared_with, usual_fen
    )
    SELECT raised.*, bills.provider_id, bills.due_date, CAST(:today AS date) - bills.due_date AS days_overdue,
        bills.amount_fen + bills.late_fee_fen - bills.paid_fen AS outstanding_fen
    FROM raised JOIN bills ON bills.id = raised.bill_id
    ORDER BY raised.id
""")
"""Raise what a range of bills calls for; what was raised before, on whatever day, is not raised again."""

"""The gauges behind the alerts, each with its query: the labels first, then the figure.

A backlog is measured by the age of its oldest item: counts grow on busy days too, ages only when nothing moves. Every
query runs in each worker, so each uses an index or reads few rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Gauge

from svc_payments.collection.refunds.models import RefundStatus
from svc_payments.settings.channels import ChannelName
from svc_payments.settlement.models import SettlementStatus


@dataclass(frozen=True)
class Measured:
    """A gauge, and how to find what it says."""

    gauge: Gauge
    query: str
    labels: Sequence[str] = ()
    """Labels reported as zero when the query has no row for them: a missing series could be an outage."""


def _seconds_since(moment: str) -> str:
    return f"coalesce(max(extract(epoch FROM now() - {moment})), 0)"


def _listed(*statuses: str) -> str:
    return ", ".join(f"'{status}'" for status in statuses)


WAITS_FOR_PEOPLE = (
    RefundStatus.REQUESTED,
    RefundStatus.PROPOSED,
    RefundStatus.BOOKING_KEPT,
    RefundStatus.FAILED,
    RefundStatus.ABNORMAL,
    RefundStatus.AT_COUNTER,
    RefundStatus.BY_TRANSFER,
)
WAITS_FOR_OTHERS = (RefundStatus.UNBOOKING, RefundStatus.STARTED, RefundStatus.REFUNDING, RefundStatus.UNKNOWN)
TO_BE_PAID = (SettlementStatus.CLOSED, SettlementStatus.INSTRUCTED, SettlementStatus.SENT)

PAYMENTS_UNKNOWN = Gauge("myili_payments_unknown", "Payments of which the channel says nothing", ["channel"])
PAYMENTS_OVERDUE = Gauge("myili_payments_overdue", "Payments past the deadline of their state", ["status"])
INCIDENTS_OPEN = Gauge("myili_payments_incidents_open", "Findings that nobody has dealt with yet")
POSTINGS = Gauge(
    "myili_postings_oldest_seconds", "Age of a provider's oldest posting that is not settled", ["provider"]
)
REFUNDS = Gauge("myili_refunds_oldest_seconds", "Age of the oldest refund in a state that it should leave", ["status"])
E_INVOICES = Gauge(
    "myili_e_invoices_oldest_seconds", "Age of the oldest e-invoice the issuer has not settled", ["status"]
)
CONTRACTS = Gauge("myili_mandate_contracts_overdue_seconds", "Since when a contract has waited to be signed or ended")
DEBITS = Gauge("myili_mandate_debits_overdue_seconds", "Since when the oldest announced deduction has been due")
MANUAL_ACTIONS = Gauge("myili_manual_actions_oldest_seconds", "Age of the oldest manual action without a second person")
TILLS = Gauge("myili_till_sessions_oldest_seconds", "Age of the oldest till session in a state", ["status"])

QUICK: Sequence[Measured] = (
    Measured(
        PAYMENTS_UNKNOWN,
        "SELECT channel, count(*) FROM payments WHERE status = 'unknown' GROUP BY channel",
        list(ChannelName),
    ),
    Measured(INCIDENTS_OPEN, "SELECT count(*) FROM incidents WHERE resolved_at IS NULL"),
    Measured(
        POSTINGS,
        f"SELECT provider_id, {_seconds_since('created_at')} FROM postings "  # noqa: S608 - our own names
        "WHERE status IN ('pending', 'sending', 'unknown') GROUP BY provider_id",
    ),
    Measured(
        REFUNDS,
        f"SELECT status, {_seconds_since('coalesce(started_at, created_at)')} FROM refunds "  # noqa: S608
        f"WHERE status IN ({_listed(*WAITS_FOR_PEOPLE, *WAITS_FOR_OTHERS)}) GROUP BY status",
        [*WAITS_FOR_PEOPLE, *WAITS_FOR_OTHERS],
    ),
    Measured(
        E_INVOICES,
        # A reversal has been waiting since the refund.
        f"""
        SELECT status, {_seconds_since("coalesce(went_back, created_at)")} FROM e_invoices
        LEFT JOIN LATERAL (
            SELECT max(refunded_at) AS went_back FROM refunds
            WHERE refunds.status = 'refunded' AND e_invoices.status = 'reversing' AND payment_id = e_invoices.payment_id
        ) AS refund ON true
        WHERE status IN ('requested', 'unknown', 'reversing') GROUP BY status
        """,  # noqa: S608
        ["requested", "unknown", "reversing"],
    ),
    Measured(
        CONTRACTS,
        f"SELECT {_seconds_since('coalesce(ended_at, sign_by)')} FROM mandates "  # noqa: S608
        "WHERE ask_at IS NOT NULL AND coalesce(ended_at, sign_by) < now()",
    ),
    Measured(
        DEBITS,
        f"SELECT {_seconds_since('try_at')} FROM mandate_debits WHERE status = 'announced' AND try_at < now()",  # noqa: S608
    ),
    Measured(
        MANUAL_ACTIONS,
        f"SELECT {_seconds_since('proposed_at')} FROM manual_actions WHERE status = 'proposed'",  # noqa: S608
    ),
    Measured(
        TILLS,
        f"SELECT status, {_seconds_since('coalesce(closed_at, opened_at)')} FROM till_sessions "  # noqa: S608
        "WHERE status IN ('open', 'counted') OR (status = 'closed' AND counted_fen > opening_float_fen) "
        "GROUP BY status",
        ["open", "counted", "closed"],
    ),
)

CASES = Gauge("myili_cases_open", "Differences that nobody has cleared up, by how near their time is", ["flag"])
STATEMENTS = Gauge(
    "myili_statements_missing", "Of the last days with payments, those without the channel's bill", ["channel"]
)
RUNS = Gauge("myili_reconciliations_failed", "Days of the last week whose newest reconciliation failed", ["source"])
FUNDS = Gauge(
    "myili_channel_funds_oldest_days",
    "Days since the oldest bill of a channel whose money is not confirmed",
    ["channel"],
)
SETTLEMENTS = Gauge(
    "myili_settlements_oldest_seconds", "Age of the oldest settlement that waits to be paid", ["status"]
)
HELD = Gauge(
    "myili_settlement_held_oldest_seconds", "Age of the oldest booking that no settlement has taken", ["provider"]
)
UNANCHORED = Gauge("myili_ledger_unanchored_seconds", "Age of the oldest link of the ledger that no anchor covers")
IMBALANCE = Gauge("myili_ledger_imbalance_fen", "All debits less all credits; anything but zero is wrong")
SUSPENSE = Gauge("myili_ledger_suspense_fen", "Money of which it is not known yet whose it is", ["channel"])
PARTITIONS = Gauge("myili_bill_partitions_ahead", "Coming months that have a partition for their bills")

_BEIJING = "timezone('Asia/Shanghai', now())"

SLOW: Sequence[Measured] = (
    Measured(
        CASES,
        "SELECT CASE WHEN due_at <= now() THEN 'red' WHEN due_at <= now() + interval '8 hours' THEN 'yellow' "
        "ELSE 'none' END, count(*) FROM cases WHERE status <> 'closed' GROUP BY 1",
        ["none", "yellow", "red"],
    ),
    # A bill is missed from the second hour on in which channels have it; `reconcilable` are those with a layout.
    Measured(
        STATEMENTS,
        f"""
        SELECT channel, count(*) FROM generate_series(1, 3) AS back
        CROSS JOIN LATERAL (SELECT CAST({_BEIJING} - make_interval(hours => :from_hour + 2) AS date) - back AS day) AS d
        CROSS JOIN unnest(CAST(:reconcilable AS text[])) AS channel
        WHERE EXISTS (
            SELECT FROM payment_attempts AS attempt WHERE attempt.channel = channel.channel
            AND attempt.paid_at >= timezone('Asia/Shanghai', CAST(d.day AS timestamp))
            AND attempt.paid_at < timezone('Asia/Shanghai', CAST(d.day + 1 AS timestamp))
        ) AND NOT EXISTS (
            SELECT FROM statements WHERE source = 'channel' AND holder = channel.channel AND statements.day = d.day
        ) GROUP BY channel
        """,  # noqa: S608 - our own names
    ),
    Measured(
        RUNS,
        "SELECT source, count(*) FROM (SELECT DISTINCT ON (source, holder, day) source, phase FROM reconciliation_runs "
        "WHERE day > CURRENT_DATE - 8 ORDER BY source, holder, day, id DESC) AS newest WHERE phase = 'failed' "
        "GROUP BY source",
        ["channel", "provider"],
    ),
    Measured(
        FUNDS,
        f"""
        SELECT holder, max(CAST({_BEIJING} AS date) - day) FROM statements AS bill
        WHERE source = 'channel' AND settled_at IS NULL AND in_fen + out_fen <> 0 AND NOT EXISTS (
            SELECT FROM statements AS other WHERE other.source = 'channel' AND other.holder = bill.holder
            AND other.day = bill.day AND (other.version > bill.version OR other.settled_at IS NOT NULL)
        ) GROUP BY holder
        """,  # noqa: S608
    ),
    Measured(
        SETTLEMENTS,
        f"SELECT status, {_seconds_since('created_at')} FROM settlements "  # noqa: S608
        "WHERE status IN ('closed', 'instructed', 'sent') GROUP BY status",
        list(TO_BE_PAID),
    ),
    Measured(
        HELD,
        f"SELECT provider_id, {_seconds_since('moved_at')} FROM settlement_lines "  # noqa: S608
        "WHERE settlement_id IS NULL GROUP BY provider_id",
    ),
    Measured(
        UNANCHORED,
        "SELECT coalesce(extract(epoch FROM now() - (SELECT sealed_at FROM ledger_links WHERE number > "
        "coalesce((SELECT max(link_number) FROM ledger_anchors), 0) ORDER BY number LIMIT 1)), 0)",
    ),
    Measured(IMBALANCE, "SELECT coalesce(sum(debit_fen) - sum(credit_fen), 0) FROM ledger_accounts"),
    Measured(SUSPENSE, "SELECT holder, credit_fen - debit_fen FROM ledger_accounts WHERE kind = 'suspense'"),
    Measured(
        PARTITIONS,
        "SELECT count(*) FROM generate_series(date_trunc('month', now()) + interval '1 month', now() + interval "
        "'6 months', '1 month') AS month WHERE to_regclass('bills_' || to_char(month, 'YYYY_MM')) IS NOT NULL",
    ),
)

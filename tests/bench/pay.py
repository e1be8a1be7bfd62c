"""pay: captured payments per second at the HTTP API of one service process, against pgbench doing the same SQL.

Ours: the channel tells of each payment in a signed notice, over many connections; the signature is verified over the
raw bytes and what arrives together is captured in one transaction. Baseline: pgbench calls one function that does the
same to the database for one payment in one transaction (payments_load/baseline.py). In both a payment is: the
nonce, the payment, its order, its bill, a receipt, a transfer of two entries with two balances and a link of the
ledger's hash chain, a posting and an event in the outbox. Rounds alternate on one database with fsync on; the medians
are kept.
"""

import asyncio
from statistics import median

from tests.bench.payments_load.baseline import CLIENTS
from tests.bench.payments_load.stage import CONNECTIONS, PAYMENTS, Rate, Stage, stage
from tests.bench.report import report

ROUNDS = 3
GOAL = 1.2


async def measure(here: Stage) -> tuple[list[Rate], list[Rate]]:
    """Rates over HTTP and by pgbench, one per round."""
    await here.by_pgbench()  # opens the payers' accounts in the ledger
    await here.over_http()
    ours, plain = [], []
    for number in range(1, ROUNDS + 1):
        plain.append(await here.by_pgbench())
        ours.append(await here.over_http())
        print(f"  round {number}: notices {ours[-1].per_second:,.0f}/s, pgbench {plain[-1].per_second:,.0f}/s")
    return ours, plain


def main() -> None:
    with stage() as here:
        ours, plain = asyncio.run(measure(here))
        print(f"  {here.verify()}")
    report(
        "pay",
        median(rate.per_second for rate in ours),
        median(rate.per_second for rate in plain),
        "payments/s",
        {
            "goal": GOAL,
            "payments": PAYMENTS,
            "rounds": ROUNDS,
            "connections": CONNECTIONS,
            "pgbench_clients": CLIENTS,
            "service_cpu_us": round(median(rate.service_us for rate in ours)),
            "postgres_cpu_us": round(median(rate.postgres_us for rate in ours)),
            "postgres_cpu_us_of_baseline": round(median(rate.postgres_us for rate in plain)),
        },
    )


if __name__ == "__main__":
    main()

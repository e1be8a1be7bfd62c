"""pay_hot: captured payments per second when all are for one provider, against spread over a hundred.

Both as in `pay`, over HTTP, through the one channel account; rounds alternate on one database and the medians are kept.
"""

import asyncio
from statistics import median

from tests.bench.payments_load.open_payments import MOST_PROVIDERS
from tests.bench.payments_load.stage import CONNECTIONS, PAYMENTS, Rate, Stage, stage
from tests.bench.report import report

ROUNDS = 5
GOAL = 0.9


async def measure(here: Stage) -> tuple[list[Rate], list[Rate]]:
    """Rates for one provider and for a hundred, one per round."""
    await here.over_http()  # opens the payers' accounts in the ledger
    hot, spread = [], []
    for number in range(1, ROUNDS + 1):
        spread.append(await here.over_http())
        hot.append(await here.over_http(providers=1))
        print(f"  round {number}: one provider {hot[-1].per_second:,.0f}/s, spread {spread[-1].per_second:,.0f}/s")
    return hot, spread


def main() -> None:
    with stage() as here:
        hot, spread = asyncio.run(measure(here))
        print(f"  {here.verify()}")
    report(
        "pay_hot",
        median(rate.per_second for rate in hot),
        median(rate.per_second for rate in spread),
        "payments/s",
        {
            "goal": GOAL,
            "payments": PAYMENTS,
            "rounds": ROUNDS,
            "connections": CONNECTIONS,
            "providers_of_baseline": MOST_PROVIDERS,
            "service_cpu_us": round(median(rate.service_us for rate in hot)),
        },
    )


if __name__ == "__main__":
    main()

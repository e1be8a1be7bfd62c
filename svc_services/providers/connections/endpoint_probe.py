"""Whether a company's system answers at an address, before the platform calls it there."""

from chassis.db import new_id
from chassis.problems import Problem
from kit.conformance.probe import Call, Company, Prober, Twist
from kit.conformance.results import Fault
from kit.conformance.rules import fault_of, in_any_order, unrefused

PROBE_SECONDS = 4.0
"""For each of two calls: the request that corrects an endpoint waits for both."""
_PATH = "/account-verifications"
_NOBODY = "测试用户无此人"
_RIGHT = ("no_match", "no_account")


class EndpointProbeFailed(Problem):
    """The address did not answer a signed call as the contract says. `reason` is a fault of conformance runs."""

    status, code = 422, "endpoint_probe_failed"


async def require_answering(prober: Prober, company: Company, account_number: str) -> None:
    """Ask at the address for an account under a name that nobody has: signed, and with a damaged signature.

    Outside any transaction.

    Raises:
        EndpointProbeFailed
    """
    content = {
        "provider_id": str(company.provider_id),
        "request_id": str(new_id()),
        "account_number": account_number,
        "holder_name": _NOBODY,
    }
    asked = Call("POST", _PATH, content)

    async def right() -> Fault | None:
        answer = await prober.send(company, asked)
        return fault_of(answer) or (None if answer.content.get("result") in _RIGHT else Fault.WRONG_ANSWER)

    async def altered() -> Fault | None:
        return unrefused(await prober.send(company, asked, Twist("signature", is_broken=True)))

    if fault := await in_any_order(right, altered):
        raise EndpointProbeFailed(reason=fault)

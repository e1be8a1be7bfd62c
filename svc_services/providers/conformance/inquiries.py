"""What a company's sandbox must answer about bills that are due, and about top-ups, where the company has them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.conformance.probe import Answer, Call, Trial
from kit.conformance.results import Fault
from kit.conformance.rules import Rule, fault_of, refuses_all
from svc_services.providers.conformance.answers import expect, expect_quick, is_text
from svc_services.providers.conformance.bills import Bill
from svc_services.providers.conformance.postings import posting, query

_INQUIRIES, _TOP_UPS = "/bill-inquiries", "/top-up-validations"
_OTHER_PATH = "/account-verifications"
_MOST_BILLS = 50
_TIMES = 3


@dataclass(frozen=True)
class Inquiries:
    bills: Mapping[str, Bill]
    unknown: str

    @property
    def rules(self) -> Mapping[str, Rule]:
        return {
            "inquiry_due": self._due,
            "inquiry_unknown_account": self._unknown_account,
            "inquiry_contradiction": self._contradiction,
            "inquiry_agrees": self._agrees,
            "inquiry_signature": refuses_all(self._any_inquiry, _OTHER_PATH),
            "inquiry_in_time": self._in_time,
        }

    async def _due(self, trial: Trial) -> Fault | None:
        return _names(await self._ask(trial, "inquiry_due"), self.bills["inquiry_due"])

    async def _unknown_account(self, trial: Trial) -> Fault | None:
        return expect(await trial.send(_inquiry(trial, self.unknown, "one")), "no_account")

    async def _contradiction(self, trial: Trial) -> Fault | None:
        """Two inquiries, between which nothing happens, name the same."""
        bill = self.bills["inquiry_contradiction"]
        one, other = [await self._ask(trial, "inquiry_contradiction", use) for use in ("one", "other")]
        unusable = _names(one, bill) or fault_of(other)
        return unusable or (None if _bills_of(one) == _bills_of(other) else Fault.CHANGED)

    async def _agrees(self, trial: Trial) -> Fault | None:
        """The amount that an inquiry names is booked, and the bill is due no more."""
        bill = self.bills["inquiry_agrees"]
        named = _names(await self._ask(trial, "inquiry_agrees"), bill)
        # Where a worker died within this rule, the bill may have been booked before.
        if named and expect(await trial.send(query(trial, "payment")), "booked"):
            return named
        if wrong := expect(await trial.send(posting(trial, bill, "payment")), "booked"):
            return wrong
        after = await self._ask(trial, "inquiry_agrees", "after")
        unusable = expect(after, "due", "nothing_due")
        still_due = any(each.get("bill_number") == bill.bill_number for each in _bills_of(after))
        return unusable or (Fault.CHANGED if still_due else None)

    async def _in_time(self, trial: Trial) -> Fault | None:
        for number in range(_TIMES):
            answer = await self._ask(trial, "inquiry_due", str(number))
            if fault := expect(answer, "due", "nothing_due") or expect_quick(trial, answer):
                return fault
        return None

    def _any_inquiry(self, trial: Trial, use: str) -> Call:
        return _inquiry(trial, self.bills["inquiry_due"].account_number, use)

    async def _ask(self, trial: Trial, rule: str, use: str = "one") -> Answer:
        return await trial.send(_inquiry(trial, self.bills[rule].account_number, use))


@dataclass(frozen=True)
class TopUps:
    account: str
    unknown: str
    amounts_fen: Sequence[int]
    """On sale, as the application states."""

    @property
    def rules(self) -> Mapping[str, Rule]:
        on_sale, beyond = min(self.amounts_fen), max(self.amounts_fen) + 1
        return {
            "top_up_accepted": self._answers(self.account, on_sale, "accepted"),
            "top_up_unknown_account": self._answers(self.unknown, on_sale, "no_account"),
            "top_up_amount": self._answers(self.account, beyond, "not_purchasable", "above_purchasable"),
            "top_up_signature": refuses_all(
                lambda trial, use: _validation(trial, self.account, on_sale, use), _OTHER_PATH
            ),
        }

    def _answers(self, account: str, amount_fen: int, *expected: str) -> Rule:
        async def rule(trial: Trial) -> Fault | None:
            return expect(await trial.send(_validation(trial, account, amount_fen, "one")), *expected)

        return rule


def _inquiry(trial: Trial, account: str, use: str) -> Call:
    provider_id, inquiry_id = str(trial.company.provider_id), str(trial.id_of(use))
    content = {"provider_id": provider_id, "inquiry_id": inquiry_id, "account_number": account}
    return Call("POST", _INQUIRIES, content)


def _validation(trial: Trial, account: str, amount_fen: int, use: str) -> Call:
    content: dict[str, str | int] = {
        "provider_id": str(trial.company.provider_id),
        "validation_id": str(trial.id_of(use)),
        "account_number": account,
        "amount_fen": amount_fen,
    }
    return Call("POST", _TOP_UPS, content)


def _bills_of(answer: Answer) -> list[dict[str, Any]]:
    bills = answer.content.get("bills", [])
    return [each for each in bills if isinstance(each, dict)] if isinstance(bills, list) else []


def _names(answer: Answer, bill: Bill) -> Fault | None:
    """Whether an answer has this bill as it was given, and only bills of its account."""
    if fault := expect(answer, "due"):
        return fault
    found = _bills_of(answer)
    numbers = [each.get("bill_number") for each in found if is_text(each.get("bill_number"))]
    is_whole = len(found) == len(numbers) == len(set(numbers)) <= _MOST_BILLS
    own = all(each.get("account_number") == bill.account_number for each in found)
    stated = [each for each in found if each.get("bill_number") == bill.bill_number]
    same = len(stated) == 1 and all(_is(stated[0].get(name), value) for name, value in bill.stated.items())
    return None if is_whole and own and same else Fault.WRONG_BILLS


def _is(said: object, meant: str | int) -> bool:
    """The same value of the same type: 41.0 and true are no whole numbers."""
    return type(said) is type(meant) and said == meant

"""What a company's sandbox must do with payments: book each once, refuse what is wrong, and keep its word."""

from collections.abc import Mapping
from dataclasses import dataclass

from kit.conformance.probe import Answer, Call, Trial, Twist
from kit.conformance.results import Fault
from kit.conformance.rules import Rule, in_any_order, refuses_all, unrefused
from svc_services.providers.conformance.answers import expect, expect_quick, expect_same, expect_unbooked
from svc_services.providers.conformance.bills import Bill

PATH = "/postings"
_OTHER_PATH = "/account-verifications"
BEFORE_RESTART = "posting_before_restart"
_TIMES = 3
_MORE_FEN = 100
_ONE = "one"


@dataclass(frozen=True)
class Postings:
    bills: Mapping[str, Bill]
    unknown: str
    """A number that the sandbox must not know."""

    @property
    def before_restart(self) -> Mapping[str, Rule]:
        return {
            "posting_booked": self._booked,
            "posting_duplicate": self._duplicate,
            "posting_reused": self._reused,
            "posting_amount": self._amount,
            "posting_unknown_account": self._unknown_account,
            "posting_paid_bill": self._paid_bill,
            "posting_query": self._query,
            "posting_not_found": self._not_found,
            "posting_cancelled": self._cancelled,
            "posting_kept": self._kept,
            "posting_refund": self._refund,
            "posting_signature": self._signature,
            "query_signature": refuses_all(lambda trial, _use: query(trial), _OTHER_PATH),
            "cancellation_signature": refuses_all(lambda trial, _use: _cancellation(trial, "unanswered"), _OTHER_PATH),
            "posting_in_time": self._in_time,
            BEFORE_RESTART: self._before_restart,
        }

    @property
    def after_restart(self) -> Mapping[str, Rule]:
        return {"posting_after_restart": self._after_restart}

    async def _booked(self, trial: Trial) -> Fault | None:
        return expect(await trial.send(posting(trial, self.bills["posting_booked"])), "booked")

    async def _duplicate(self, trial: Trial) -> Fault | None:
        sent = posting(trial, self.bills["posting_duplicate"])
        one, again = await trial.send(sent), await trial.send(sent)
        return expect(one, "booked") or expect(again, "booked") or expect_same(one, again)

    async def _reused(self, trial: Trial) -> Fault | None:
        """One posting_id with two contents: one side has an error, so the second one is not booked."""
        bill = self.bills["posting_reused"]
        one = await trial.send(posting(trial, bill))
        other = posting(trial, bill, amount_fen=bill.amount_fen - _MORE_FEN)
        return expect(one, "booked") or expect_unbooked(await trial.send(other, Twist("amount_fen")))

    async def _amount(self, trial: Trial) -> Fault | None:
        bill = self.bills["posting_amount"]
        more = posting(trial, bill, amount_fen=bill.amount_fen + _MORE_FEN)
        return _refusal(await trial.send(more, Twist("amount_fen")))

    async def _unknown_account(self, trial: Trial) -> Fault | None:
        bill = self.bills["posting_booked"]
        strange = {"account_number": self.unknown, "bill_number": f"{bill.bill_number}0"}
        return _refusal(await trial.send(posting(trial, bill, **strange), Twist("account_number")))

    async def _paid_bill(self, trial: Trial) -> Fault | None:
        bill = self.bills["posting_paid_bill"]
        first = await trial.send(posting(trial, bill))
        return expect(first, "booked") or _refusal(await trial.send(posting(trial, bill, "second")))

    async def _query(self, trial: Trial) -> Fault | None:
        booked = await trial.send(posting(trial, self.bills["posting_query"]))
        found = await trial.send(query(trial))
        return expect(booked, "booked") or expect(found, "booked") or expect_same(booked, found)

    async def _not_found(self, trial: Trial) -> Fault | None:
        return expect(await trial.send(query(trial)), "not_found")

    async def _cancelled(self, trial: Trial) -> Fault | None:
        """A cancellation that overtakes its posting."""
        cancelled = await trial.send(_cancellation(trial, "unanswered"))
        late = await trial.send(posting(trial, self.bills["posting_cancelled"]))
        again = await trial.send(_cancellation(trial, "unanswered"))
        return expect(cancelled, "cancelled") or _refusal(late) or expect(again, "cancelled")

    async def _kept(self, trial: Trial) -> Fault | None:
        booked = await trial.send(posting(trial, self.bills["posting_kept"]))
        kept = await trial.send(_cancellation(trial, "unanswered"))
        return expect(booked, "booked") or expect(kept, "booked") or expect_same(booked, kept)

    async def _refund(self, trial: Trial) -> Fault | None:
        """A reversal: it may be impossible, but what the company answers once it answers always."""
        if (await trial.send(query(trial))).content.get("result") == "not_found":
            booked = await trial.send(posting(trial, self.bills["posting_refund"]))
            if fault := expect(booked, "booked"):
                return fault
        one = await trial.send(_cancellation(trial, "refund"))
        again = await trial.send(_cancellation(trial, "refund"))
        outcomes = ("booked",) if one.content.get("result") == "booked" else ("refused", "not_found")
        found = await trial.send(query(trial))
        wrong = expect(one, "cancelled", "booked") or expect_same(one, again)
        return wrong or (expect(found, *outcomes) and Fault.CHANGED)

    async def _signature(self, trial: Trial) -> Fault | None:
        """A posting with an altered signature is refused, and is not booked; the same rightly signed is."""
        sent = posting(trial, self.bills["posting_signature"])
        known = "not_found"

        async def altered() -> Fault | None:
            refusal = unrefused(await trial.send(sent, Twist("signature", is_broken=True)))
            return refusal or expect(await trial.send(query(trial)), known)

        async def right() -> Fault | None:
            nonlocal known
            known = "booked"
            return expect(await trial.send(sent), "booked")

        wrong = expect(await trial.send(query(trial)), known) or await in_any_order(altered, right)
        return wrong or await refuses_all(lambda _trial, _use: sent, _OTHER_PATH)(trial)

    async def _in_time(self, trial: Trial) -> Fault | None:
        for _ in range(_TIMES):
            answer = await trial.send(posting(trial, self.bills["posting_in_time"]))
            if fault := expect(answer, "booked") or expect_quick(trial, answer):
                return fault
        return None

    async def _before_restart(self, trial: Trial) -> Fault | None:
        return expect(await trial.send(self._restarted(trial)), "booked")

    async def _after_restart(self, trial: Trial) -> Fault | None:
        """The posting comes again after the restart, and is queried."""
        before = trial.earlier[BEFORE_RESTART].exchanges[-1].answer
        again = await trial.send(self._restarted(trial))
        found = await trial.send(query(trial, _ONE, BEFORE_RESTART))
        same = all(each.answer == before for each in trial.exchanges)
        return expect(again, "booked") or expect(found, "booked") or (None if same else Fault.CHANGED)

    def _restarted(self, trial: Trial) -> Call:
        return posting(trial, self.bills[BEFORE_RESTART], rule=BEFORE_RESTART)


def posting(trial: Trial, bill: Bill, use: str = _ONE, rule: str = "", **changes: str | int) -> Call:
    """The posting of a whole bill, but for the changes."""
    posting_id = trial.id_of(use, rule)
    content: dict[str, str | int] = {
        "provider_id": str(trial.company.provider_id),
        "posting_id": str(posting_id),
        "payment_id": str(trial.id_of(f"payment of {use}", rule)),
        "receipt_number": f"SANDBOX-{posting_id.hex[:12].upper()}",
        "bill_number": bill.bill_number,
        "account_number": bill.account_number,
        "amount_fen": bill.amount_fen,
        "currency": "CNY",
        "paid_at": bill.paid_at,
        "kind": "regular",
        "late_fee_fen": 0,
        "bill_amount_fen": bill.amount_fen,
    }
    return Call("POST", PATH, content | changes)


def query(trial: Trial, use: str = _ONE, rule: str = "") -> Call:
    return Call("GET", f"{PATH}/{trial.id_of(use, rule)}")


def _cancellation(trial: Trial, reason: str) -> Call:
    posting_id = str(trial.id_of(_ONE))
    content = {"provider_id": str(trial.company.provider_id), "posting_id": posting_id, "reason": reason}
    return Call("POST", f"{PATH}/{posting_id}/cancellations", content)


def _refusal(answer: Answer) -> Fault | None:
    """The result `refused`, as a status would have the platform ask again."""
    return Fault.ACCEPTED if answer.content.get("result") == "booked" else expect(answer, "refused")

"""What a company's sandbox must do: the rules of a run, and those of asking whether an account is held under a name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kit.conformance.probe import Answer, Call, Trial, Twist
from kit.conformance.results import Fault
from kit.conformance.rules import Rule, fault_of, refusals_of, unrefused
from svc_services.providers.applications.stated_terms import BillSource, StatedTerms
from svc_services.providers.conformance.bills import Bill
from svc_services.providers.conformance.deliveries import delivery_rules
from svc_services.providers.conformance.inquiries import Inquiries, TopUps
from svc_services.providers.conformance.postings import Postings
from svc_services.providers.conformance.roster import OTHER_NAME

PATH, _OTHER_PATH = "/account-verifications", "/bill-inquiries"
_RESULTS = ("match", "no_match", "no_account")
BEFORE_RESTART = "before_restart"
TIMES = 3


@dataclass(frozen=True)
class Account:
    account_number: str
    holder_name: str


@dataclass(frozen=True)
class Rules:
    """The rules of a run, in the order in which they are tried."""

    held: Sequence[Account]
    unknown: str
    bills: Mapping[str, Bill] = field(default_factory=dict)
    terms: StatedTerms | None = None
    """How the company is paid; None: the run has no rules of payments."""

    @property
    def before_restart(self) -> Mapping[str, Rule]:
        return {**self._verifications, **delivery_rules(), **self._payments, BEFORE_RESTART: self._before_restart}

    @property
    def after_restart(self) -> Mapping[str, Rule]:
        postings = Postings(self.bills, self.unknown).after_restart if self.terms else {}
        own = {"after_restart": self._after_restart, "replay_after_restart": self._replay_after_restart}
        return {**own, **postings}

    @property
    def _payments(self) -> Mapping[str, Rule]:
        if self.terms is None:
            return {}
        rules = dict(Postings(self.bills, self.unknown).before_restart)
        if BillSource.INQUIRY in self.terms.bill_sources:
            rules |= Inquiries(self.bills, self.unknown).rules
        if self.terms.top_up_amounts_fen:
            rules |= TopUps(self.held[7].account_number, self.unknown, self.terms.top_up_amounts_fen).rules
        return rules

    @property
    def _verifications(self) -> Mapping[str, Rule]:
        return {
            "right_answer": self._answers("match", self.held[0]),
            "other_name": self._answers("no_match", Account(self.held[1].account_number, OTHER_NAME)),
            "unknown_account": self._answers("no_account", Account(self.unknown, self.held[0].holder_name)),
            "duplicate_delivery": self._agrees(self.held[2], "same", "same"),
            "contradiction": self._agrees(self.held[3], "one", "other"),
            "in_time": self._in_time,
            **refusals_of(lambda trial, use: _verification(trial, self._any_held(trial), use), _OTHER_PATH),
        }

    def _any_held(self, trial: Trial) -> Account:
        """Another one in each run and rule: no account is the one with which refusals are tried."""
        return self.held[trial.id_of("account").int % len(self.held)]

    def _answers(self, expected: str, account: Account) -> Rule:
        async def rule(trial: Trial) -> Fault | None:
            answer = await trial.send(_verification(trial, account, "one"))
            wrong = None if answer.content.get("result") == expected else Fault.WRONG_ANSWER
            return fault_of(answer) or wrong

        return rule

    def _agrees(self, account: Account, first: str, second: str) -> Rule:
        """Two calls about one account, with these ids, are answered alike."""

        async def rule(trial: Trial) -> Fault | None:
            one = await trial.send(_verification(trial, account, first))
            again = await trial.send(_verification(trial, account, second))
            return _unusable(one) or _unusable(again) or (None if _same(one, again) else Fault.CHANGED)

        return rule

    async def _in_time(self, trial: Trial) -> Fault | None:
        for number in range(TIMES):
            answer = await trial.send(_verification(trial, self.held[4], str(number)))
            if fault := fault_of(answer):
                return fault
            if answer.milliseconds > trial.prober.quick_seconds * 1_000:
                return Fault.SLOW
        return None

    async def _before_restart(self, trial: Trial) -> Fault | None:
        return _unusable(await trial.send(self._restarted(trial)))

    async def _after_restart(self, trial: Trial) -> Fault | None:
        before = trial.earlier[BEFORE_RESTART].exchanges[-1]
        answer = await trial.send(self._restarted(trial))
        return _unusable(answer) or (None if answer.content["result"] == before.answer["result"] else Fault.CHANGED)

    async def _replay_after_restart(self, trial: Trial) -> Fault | None:
        before = trial.earlier[BEFORE_RESTART].exchanges[-1]
        again = Twist("sent again", created=before.signed_at, nonce=before.nonce)
        return unrefused(await trial.send(self._restarted(trial), again))

    def _restarted(self, trial: Trial) -> Call:
        return _verification(trial, self.held[6], "one", BEFORE_RESTART)


def _verification(trial: Trial, account: Account, use: str, rule: str = "") -> Call:
    return Call(
        "POST",
        PATH,
        {
            "provider_id": str(trial.company.provider_id),
            "request_id": str(trial.id_of(use, rule)),
            "account_number": account.account_number,
            "holder_name": account.holder_name,
        },
    )


def _unusable(answer: Answer) -> Fault | None:
    wrong = None if answer.content.get("result") in _RESULTS else Fault.WRONG_ANSWER
    return fault_of(answer) or wrong


def _same(one: Answer, other: Answer) -> bool:
    return bool(one.content["result"] == other.content["result"])

"""The rules of bills: repeated pushes and files, amendments and voids."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.svc_payments.machine.base import BaseRules, accounts, fens, places
from tests.svc_payments.machine.deployment import OPEN_ACCOUNTS
from tests.svc_payments.machine.entities import Bill

FILE_HEAD = "bill_number,account_number,period,usage,amount,due_date,meter_from,meter_to"


def as_line(row: dict[str, Any]) -> str:
    """Format a bill as a line of a bill file."""
    names = ("bill_number", "account_number", "period", "usage")
    return ",".join([*(row[name] for name in names), f"{row['amount_fen'] / 100:.2f}", row["due_date"], "", ""])


class BillRules(BaseRules):
    """Bills from providers."""

    @rule(account=accounts, fen=fens, twice=st.booleans())
    def push(self, account: str, fen: int, *, twice: bool) -> None:
        row = self.story.pushed(account, fen)
        rows = [row, row] if twice else [row]
        answer = self._run(self.story.post("/bills", self.story.provider, {"bills": rows}))
        report = answer.json()
        assert (answer.status_code, report["accepted"]) == (200, 1), answer.text
        self.model.bills[report["bills"][0]["bill_id"]] = Bill(account, fen)
        again = self._run(self.story.post("/bills", self.story.provider, {"bills": [row]})).json()
        assert (again["unchanged"], again["accepted"], again["amended"]) == (1, 0, 0)

    @rule(fens=st.lists(fens, min_size=1, max_size=len(OPEN_ACCOUNTS)))
    def upload(self, fens: list[int]) -> None:
        """One bill per account: a file does not give the order of several."""
        rows = [self.story.pushed(account, fen) for account, fen in zip(OPEN_ACCOUNTS, fens, strict=False)]
        file = "\n".join([FILE_HEAD, *map(as_line, rows), as_line(rows[0])]).encode()
        headers = {**self.story.provider, "Content-Type": "text/csv"}
        for accepted, unchanged in ((len(rows), 1), (0, len(rows) + 1)):
            answer = self._run(self.story.world.api.put("/payments/v1/bill-files/m.csv", content=file, headers=headers))
            report = answer.json()
            assert (report["accepted"], report["unchanged"]) == (accepted, unchanged), answer.text
        ids = dict(self._run(self.story.rows("SELECT bill_number, CAST(id AS text) FROM bills")))
        for row in rows:
            self.model.bills[ids[row["bill_number"]]] = Bill(row["account_number"], row["amount_fen"])

    @precondition(lambda self: self.model.bills)
    @rule(place=places, fen=fens, void=st.booleans())
    def amend_or_void(self, place: int, fen: int, *, void: bool) -> None:
        name, bill = self._chosen(self.model.bills, place)
        body = {"reason": "billing_error"} | ({} if void else {"amount_fen": fen})
        path = f"/bills/{name}/{'void' if void else 'amendments'}"
        answer = self._run(self.story.post(path, self.story.provider, body))
        may = bill.status == "due" and bill.paid == 0
        assert answer.status_code == (200 if may else 409), answer.text
        if may:
            bill.status, bill.fen = ("void", bill.fen) if void else ("due", fen)

"""The rules of reconciliation: the channel's statement against the books."""

import os
from collections import Counter

from hypothesis.stateful import rule

from kit.calendar import today
from svc_payments.channels.provider import StatementChannel
from svc_payments.channels.registry import open_channels
from svc_payments.reconciliation.runs import service as reconciliation
from svc_payments.reconciliation.runs.worker import work_off
from svc_payments.reconciliation.statements.downloads import fetch
from svc_payments.reconciliation.statements.service import of_channel
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.machine.base import BaseRules, Difference


class ReconciliationRules(BaseRules):
    """Reconciliation with the channel's statement."""

    @rule()
    def a_difference_is_injected(self) -> None:
        """The channel holds money that is not in our books."""
        number = f"0{os.urandom(8).hex()}"
        order = "INSERT INTO orders VALUES (?, ?, 77, 'x', 'http://x', '2020-01-01T00:00:00.000Z', 'paid', 'w', ?, ?)"
        at = self._run(self.story.rows("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.000Z')"))[
            0
        ][0]
        self.deployment.channel_file.execute(order, (number, self.story.world.settings.merchant_id, f"T{number}", at))
        self.deployment.channel_file.execute(
            "INSERT INTO transactions VALUES (?, ?, 77, ?)", (f"T{number}", number, at)
        )
        self.injected.append(("excess", number, 77))

    @rule()
    def reconcile(self) -> None:
        """Reconciliation finds exactly the expected discrepancies."""
        found = self._run(self._reconciled())
        assert found == self._differences()
        self.model.differ(sum(fen for *_, fen in found.elements()))

    async def _reconciled(self) -> "Counter[Difference]":
        world = self.story.world
        async with open_channels(world.settings) as channels:
            channel = channels[ChannelName.SANDBOX]
            assert isinstance(channel, StatementChannel)
            await fetch(world.database, world.settings, "sandbox", channel, today())
        async with world.database.transaction() as tx:
            await reconciliation.request(tx, of_channel("sandbox"), today(), "machine")
        await work_off(world.database, world.settings)
        rows = await self.story.rows("SELECT result, number, difference_fen FROM cases WHERE status <> 'closed'")
        return Counter((str(result), str(number), int(fen)) for result, number, fen in rows)

    def _differences(self) -> "Counter[Difference]":
        """Two uncaptured transactions of one order are two equal discrepancies."""
        missing = [
            ("excess", self._number_of(payment), payment.fen)
            for payment in self.model.payments.values()
            for transaction in payment.transactions
            if transaction not in payment.captured
        ]
        given_back = [
            ("state_differs", self._number_of(refund), -refund.fen)
            for refund in self.model.refunds
            if refund.theirs == "done" and refund.status != "refunded"
        ]
        return Counter([*self.injected, *missing, *given_back])

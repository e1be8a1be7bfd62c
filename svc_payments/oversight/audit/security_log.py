"""Audited acts that are in the security log as well: who lets money move, and who proves that it is theirs."""

from collections.abc import Mapping
from itertools import product

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.telemetry import SecurityEvent
from kit.security_log import record_on_commit

_DECISIONS = ("propose", "approve", "reject")
_MANUAL_ACTIONS = ("ask_channel", "tell_provider", "resolve_incident", "correct_ledger")
_ACTS = {
    "payment_terms_changed": ("propose_payment_terms", "approve_payment_terms"),
    "settlement_changed": (
        *(f"{act}_transfer_file" for act in ("generate", "fetch", "send", "confirm")),
        *("close_settlement_day", "confirm_channel_funds"),
    ),
    "till_session_changed": (
        *(f"{act}_till_session" for act in ("open", "send_back", "close")),
        "deposit_till_cash",
    ),
    "payout_allowed": ("issue_payout_code", "approve_payout", "pay_out_refund"),
    "payout_refused": ("refuse_payout_code",),
    "refund_decided": (
        *(f"{act}_refund" for act in ("propose", "request", "approve", "reject", "retry", "fail")),
        "confirm_refund_transfer",
    ),
    "manual_action_decided": tuple(f"{act}_{kind}" for act, kind in product(_DECISIONS, _MANUAL_ACTIONS)),
}
_EVENTS: Mapping[str, SecurityEvent] = {
    action: event for kind, actions in _ACTS.items() for event in [SecurityEvent(kind)] for action in actions
}


def record_act(tx: AsyncSession, action: str, subject: object) -> None:
    """Record an act that decides over money; never its reason, which people write."""
    if event := _EVENTS.get(action):
        record_on_commit(tx, event, action, object_id=subject)

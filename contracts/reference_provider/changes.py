"""Commands that change what the platform knows: the connection's keys, endpoint and suspension, and account holders."""

import argparse
import contextlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from contracts.reference_provider.client import Client, PlatformError, load_key, new_key
from contracts.reference_provider.company_proof import company_proof
from contracts.reference_provider.holders import HolderChange, Holders
from contracts.reference_provider.state import (
    BOOKS,
    FORMER_KEY,
    KEY,
    NEXT_KEY,
    application_token,
    client_of,
    filed_application,
    show,
    write_private,
)

Command = Callable[[str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]
KEY_TAKES_EFFECT = 15.0
"""Seconds in which a new key has to get a token; the platform promises five."""
REPORT_REFUSED = {"later_change_known", "effective_on_too_far", "invalid_request"}
"""Final refusals of a report: it is not on the platform and never will be."""


def show_connection(options: argparse.Namespace) -> None:
    show(_connection(options))


def add_key(options: argparse.Namespace) -> None:
    path = options.state / NEXT_KEY
    if not path.exists():
        # Kept before it is sent: after a lost answer the same key is sent, and none is on the platform alone.
        write_private(path, new_key().as_dict(private=True))
    key = load_key(path)
    if key.kid not in _kids_in_force(_connection(options)):
        added = {"action": "add_key", "key": key.as_dict(private=False), "reason": options.reason}
        client_of(options).change_connection(application_token(options), added)
    show({"kid": key.kid, "next": "The command switch-key moves to it."})


def switch_key(options: argparse.Namespace) -> None:
    """Use the next key from now on, once the platform accepts it; the former one is kept until it is ended.

    A suspended company gets no token, so then its proof is the only test.
    """
    if not (options.state / NEXT_KEY).exists():
        raise PlatformError("There is no next key; add one with the command add-key.")
    former, following = load_key(options.state / KEY), load_key(options.state / NEXT_KEY)
    following_client = client_of(options, NEXT_KEY)
    connection = following_client.connection(application_token(options))
    if following.kid not in _kids_in_force(connection):
        raise PlatformError("The platform has not got the next key; run the command add-key again.")
    if connection["suspended_at"] is None:
        following_client.wait_for_token(KEY_TAKES_EFFECT)
    write_private(options.state / FORMER_KEY, former.as_dict(private=True))
    (options.state / NEXT_KEY).replace(options.state / KEY)
    show({"kid": following.kid, "former": former.kid})


def end_key(options: argparse.Namespace) -> None:
    if options.kid == load_key(options.state / KEY).kid:
        raise PlatformError("This key is in use here. Add another and switch to it first.")
    ended = {"action": "end_key", "kid": options.kid, "reason": options.reason}
    show(client_of(options).change_connection(application_token(options), ended))
    former = options.state / FORMER_KEY
    if former.exists() and load_key(former).kid == options.kid:
        former.unlink()


def correct_endpoint(options: argparse.Namespace) -> None:
    corrected = {"action": "correct_endpoint", "endpoint_url": options.endpoint_url, "reason": options.reason}
    show(client_of(options).change_connection(application_token(options), corrected))


def suspend(options: argparse.Namespace) -> None:
    show(client_of(options).suspend(application_token(options), options.reason))


def resume(options: argparse.Namespace) -> None:
    change = {"action": "resume", "reason": options.reason}
    show(client_of(options).change_connection(application_token(options), change))


def write_proof(options: argparse.Namespace) -> None:
    """Write the two headers that prove a request to a private file, for `curl -H @FILE`."""
    provider_id = filed_application(options).get("provider_id") or ""
    if f"/providers/{provider_id}/" not in options.path or not provider_id:
        raise PlatformError("The path is not of this company's connection.")
    body = options.body.read_bytes() if options.body else b""
    proof = company_proof(load_key(options.state / KEY), provider_id, options.method, options.path, body)
    headers = f"Application-Token: {application_token(options)}\nCompany-Proof: {proof}\n"
    options.out.touch(mode=0o600)
    options.out.chmod(0o600)
    options.out.write_text(headers, "ascii")


def report_holder_change(options: argparse.Namespace) -> None:
    """Record a change in the books, and report it then.

    Run again after a lost answer: both steps are idempotent.
    """
    if (options.kind == "new_holder") == (options.holder_name is None):
        raise ValueError("A new_holder has a --holder-name, and an account that ended has none.")
    change = HolderChange(options.account_number, options.effective_on, options.holder_name)
    client = client_of(options)
    client.token()  # without one nothing can be reported, so nothing is recorded
    with contextlib.closing(Holders(options.state / BOOKS)) as holders:
        holders.record(change)
        try:
            reported = client.report_holder_change(change.report)
        except PlatformError as refusal:
            if refusal.code in REPORT_REFUSED:
                holders.discard(change)
            raise
        holders.mark_reported(change, reported["holder_change_id"])
    show(reported)


def withdraw_holder_change(options: argparse.Namespace) -> None:
    withdrawn = client_of(options).withdraw_holder_change(options.holder_change_id)
    with contextlib.closing(Holders(options.state / BOOKS)) as holders:
        holders.discard_withdrawn(options.holder_change_id)
    show(withdrawn)


def _connection(options: argparse.Namespace) -> dict[str, Any]:
    client: Client = client_of(options)
    return client.connection(application_token(options))


def _kids_in_force(connection: dict[str, Any]) -> set[str]:
    return {key["kid"] for key in connection["keys"] if key["ended_at"] is None}


def connection_commands(command: Command) -> None:
    command("connection", show_connection, "show keys, endpoint and suspension as the platform has them")
    _with_reason(command("add-key", add_key, "make another key and add it; the one in use stays in force"))
    command("switch-key", switch_key, "use the added key from now on, once the platform accepts it")
    ending = _with_reason(command("end-key", end_key, "end a key and its tokens, for ever"))
    ending.add_argument("kid", help="as the command connection shows it")
    correcting = _with_reason(command("correct-endpoint", correct_endpoint, "have the platform call another address"))
    correcting.add_argument("endpoint_url")
    _with_reason(command("suspend", suspend, "suspend the company's connection at once"))
    _with_reason(command("resume", resume, "lift the company's own suspension"))

    proving = command("proof", write_proof, "write the headers that prove a request of one's own about the connection")
    proving.add_argument("method", choices=("GET", "POST"))
    proving.add_argument("path", help="such as /services/v1/providers/PROVIDER_ID/changes")
    proving.add_argument("--body", type=Path, help="the file that is sent, byte by byte")
    proving.add_argument("--out", type=Path, required=True, help="for curl -H @FILE")


def holder_commands(command: Command) -> None:
    reporting = command("report-holder-change", report_holder_change, "report an account's new holder, or its end")
    reporting.add_argument("--account-number", required=True)
    reporting.add_argument("--kind", choices=("new_holder", "ended"), required=True)
    reporting.add_argument("--holder-name", help="of the next holder, for the company's own books")
    reporting.add_argument("--effective-on", type=date.fromisoformat, required=True, help="last day of the holder")
    withdrawing = command("withdraw-holder-change", withdraw_holder_change, "withdraw a report before its day")
    withdrawing.add_argument("holder_change_id")


def _with_reason(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
    added.add_argument("--reason", required=True, help="kept with the change, for the company and for operators")
    return added

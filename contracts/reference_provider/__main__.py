"""The company's command line: `python -m contracts.reference_provider --help`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, time
from pathlib import Path

from contracts.reference_provider.billing_month import ENCODINGS, clean_month, write_month
from contracts.reference_provider.books import PREPAID, BilledBill, Books
from contracts.reference_provider.changes import Command, connection_commands, holder_commands
from contracts.reference_provider.client import PlatformError, new_key
from contracts.reference_provider.numbering import NUMBERINGS
from contracts.reference_provider.sales import PURCHASABLE_FEN, Offer, Sales
from contracts.reference_provider.sandbox import sandbox_commands, sandbox_of
from contracts.reference_provider.state import (
    APPLICATION,
    BOOKS,
    KEY,
    SANDBOX_BOOKS,
    application_token,
    client_of,
    filed_application,
    show,
    write_private,
)
from contracts.reference_provider.tariff import SAMPLES

KEY_SETS = ("services", "payments")


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        options.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        options.run(options)
    except (PlatformError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{error.filename or 'The network'}: {error.strerror}.\n")
        return 1
    return 0


def serve(options: argparse.Namespace) -> None:
    import uvicorn  # only the server needs these, and the other commands should start fast

    from contracts.reference_provider.platform_keys import PlatformKeys
    from contracts.reference_provider.server import Company, create_app

    books, provider_id = _sandbox(options) if options.sandbox else _company(options)
    if options.billed:
        tariff = SAMPLES.get(options.kind)
        if tariff is None:
            raise ValueError(f"There is no sample tariff to bill {options.kind} by; kinds that have one: {[*SAMPLES]}.")
        books.add_bills(clean_month(options.seed, options.accounts, tariff, options.billed))
    keys = PlatformKeys([f"{options.platform}/{service}/v1/signing-keys" for service in KEY_SETS])
    sales = Sales(books, Offer(tuple(options.purchasable), options.closed))
    url = options.public_url or f"http://{options.host}:{options.port}"
    company = Company(url, provider_id)
    uvicorn.run(create_app(books, keys, company, sales), host=options.host, port=options.port, log_level="warning")


def _company(options: argparse.Namespace) -> tuple[Books, Callable[[], str]]:
    books = Books(options.state / BOOKS, options.prepaid)
    books.fill_roster(options.seed, options.accounts, options.kind)
    return books, lambda: options.provider_id or filed_application(options).get("provider_id") or ""


def _sandbox(options: argparse.Namespace) -> tuple[Books, Callable[[], str]]:
    """Books of their own, with the platform's invented accounts; calls are for the application."""
    sandbox = sandbox_of(options)
    books = Books(options.state / SANDBOX_BOOKS, options.prepaid)
    books.add_accounts((each["account_number"], each["holder_name"]) for each in sandbox["accounts"])
    books.add_bills(BilledBill(**bill) for bill in sandbox["bills"])
    return books, lambda: sandbox["application_id"]


def make_keys(options: argparse.Namespace) -> None:
    path = options.state / KEY
    key = new_key()
    if path.exists():
        raise PlatformError(f"There is a key at {path} already, by which the platform knows the company.")
    write_private(path, key.as_dict(private=True))
    show({"keys": [key.as_dict(private=False)]})


def apply(options: argparse.Namespace) -> None:
    application = {
        "uscc": options.uscc,
        "name": options.name,
        "kind": options.kind,
        "division_codes": options.divisions.split(","),
        "endpoint_url": options.endpoint_url,
        "customer_parameters": _declaration(options),
    }
    if options.contact_phone:
        application["contact_phone"] = options.contact_phone
    if options.statement:
        application |= json.loads(options.statement.read_text("utf-8"))
    filed = client_of(options).apply(application)
    # The token is a secret, so it goes into a private file, not to the terminal.
    write_private(options.state / APPLICATION, filed)
    show({name: value for name, value in filed.items() if name != "application_token"})


def _declaration(options: argparse.Namespace) -> object:
    if options.customer_parameters:
        return json.loads(options.customer_parameters.read_text("utf-8"))
    return NUMBERINGS[options.kind].customer_parameters


def show_application(options: argparse.Namespace) -> None:
    filed = filed_application(options)
    if not filed:
        raise PlatformError("There is no application yet; file one with the command apply.")
    known = client_of(options).application(filed["application_id"], filed["application_token"])
    write_private(options.state / APPLICATION, {**filed, **known})
    show(known)


def correct_application(options: argparse.Namespace) -> None:
    filed, client, token = filed_application(options), client_of(options), application_token(options)
    known = client.application(filed["application_id"], token)
    corrected = client.correct(known, token, json.loads(options.fields.read_text("utf-8")))
    write_private(options.state / APPLICATION, {**filed, **corrected})
    show(corrected)


def show_token(options: argparse.Namespace) -> None:
    print(client_of(options).wait_for_token(options.wait))


def publish_tariff(options: argparse.Namespace) -> None:
    show(client_of(options).publish_tariff(SAMPLES[options.kind].as_json(options.effective_from)))


def generate_bills(options: argparse.Namespace) -> None:
    planted = write_month(
        options.out,
        provider_seed=options.seed,
        rows=options.rows,
        encoding=options.encoding,
        tariff=SAMPLES[options.kind],
        period=options.period,
    )
    show({"file": str(options.out), "sha256": planted.sha256, **planted.counts, "reasons": planted.reasons})


def upload(options: argparse.Namespace) -> None:
    show(client_of(options).upload_bills(options.file, options.encoding))


def _hours(text: str) -> tuple[time, time]:
    begin, _, end = text.partition("-")
    return time.fromisoformat(begin), time.fromisoformat(end)


def parser() -> argparse.ArgumentParser:
    tool = argparse.ArgumentParser(prog="python -m contracts.reference_provider", description=__doc__)
    commands = tool.add_subparsers(required=True, metavar="command")
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--state", type=Path, default=Path("var/provider"), help="folder of the key and the books")
    everywhere.add_argument("--platform", default="http://127.0.0.1:8000", help="public address of the platform")

    def command(name: str, run: Callable[[argparse.Namespace], None], meaning: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, parents=[everywhere], help=meaning, description=meaning)
        added.set_defaults(run=run)
        return added

    _company_commands(command)
    _bill_commands(command)
    sandbox_commands(command)
    connection_commands(command)
    holder_commands(command)
    return tool


def _company_commands(command: Command) -> None:
    serving = command("serve", serve, "answer the platform's calls")
    serving.add_argument("--host", default="127.0.0.1")
    serving.add_argument("--port", type=int, required=True)
    serving.add_argument("--public-url", help="the endpoint_url of the application; without it, http://HOST:PORT")
    serving.add_argument("--provider-id", help="without it, that of the approved application")
    serving.add_argument("--sandbox", action="store_true", help="the test system: only the accounts of the sandbox")
    serving.add_argument("--seed", default="1", help="the company: its account numbers and holders")
    serving.add_argument("--kind", choices=NUMBERINGS, default="water", help="of utility: how account numbers look")
    serving.add_argument("--accounts", type=int, default=100_000)
    serving.add_argument("--billed", metavar="YYYY-MM", help="bill every account for this month, for inquiries")
    serving.add_argument("--prepaid", choices=PREPAID, help="what a top-up buys; without it, credit on the account")
    serving.add_argument("--closed", type=_hours, help="hours of the nightly batch, Beijing time, such as 23:00-02:00")
    serving.add_argument("--purchasable", type=int, nargs="+", default=PURCHASABLE_FEN, help="top-ups, in fen")

    command("keys", make_keys, "make the company's key; print its public half")

    applying = command("apply", apply, "file an application to join the platform")
    applying.add_argument("--uscc", required=True, help="unified social credit code")
    applying.add_argument("--name", required=True)
    applying.add_argument("--kind", choices=NUMBERINGS, required=True)
    applying.add_argument("--divisions", required=True, help="division codes, separated by commas")
    applying.add_argument("--endpoint-url", required=True, help="where the platform calls the company")
    applying.add_argument("--contact-phone")
    applying.add_argument("--customer-parameters", type=Path, help="JSON; without it, those of the sample company")

    applying.add_argument("--statement", type=Path, help="JSON: contract, requests_per_minute, stated_terms, jwks_uri")

    correcting = command("correct", correct_application, "correct the application until it is decided")
    correcting.add_argument("fields", type=Path, help="JSON: the fields that are wrong, as they should be")

    command("application", show_application, "show the state of the application; store its provider_id")

    asking = command("token", show_token, "print an access token, for requests of one's own")
    asking.add_argument("--wait", type=float, default=0, help="seconds to retry while the client is refused")

    publishing = command("publish-tariff", publish_tariff, "publish the sample tariff of a kind")
    publishing.add_argument("--kind", choices=SAMPLES, required=True)
    publishing.add_argument("--effective-from", type=date.fromisoformat, required=True, help="first day it is in force")


def _bill_commands(command: Command) -> None:
    generating = command("generate-bills", generate_bills, "write a file with a month of invented bills")
    generating.add_argument("--rows", type=int, required=True)
    generating.add_argument("--seed", default="1")
    generating.add_argument("--kind", choices=SAMPLES, default="water")
    generating.add_argument("--period", help="YYYY-MM; without it, the month before this one")
    generating.add_argument("--encoding", choices=ENCODINGS, default="utf-8")
    generating.add_argument("--out", type=Path, required=True)

    uploading = command("upload", upload, "send a bill file and print the platform's report")
    uploading.add_argument("file", type=Path)
    uploading.add_argument("--encoding", choices=ENCODINGS, default="utf-8", help="of a CSV file")


if __name__ == "__main__":
    sys.exit(main())

"""The acts, all through the gateway.

Only the outside world acts elsewhere: the handset shows a code, the wallet pays at the channel, a company reads its own
books, an auditor reads Kafka.
"""

import asyncio
import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiokafka
import httpx

from contracts.reference_provider.billing_month import Bill, Planted, write_month
from contracts.reference_provider.roster import account_holder, account_number, position
from svc_payments.amounts import in_digits
from tests.journeys.demo import sample_codes
from tests.journeys.demo.app import Person
from tests.journeys.demo.county_app import publish_mini_app
from tests.journeys.demo.leaked_key import replace_leaked_key
from tests.journeys.demo.new_holder import change_holder
from tests.journeys.demo.new_home import connect_new_home
from tests.journeys.demo.onboarding import onboard_companies
from tests.journeys.demo.payment import forward_posting, pay_and_complete
from tests.journeys.demo.people import bind, third_operator
from tests.journeys.demo.power import buy_power
from tests.journeys.demo.refund import refund_payment
from tests.journeys.demo.stage import Company, Stage
from tests.journeys.demo.supervised import supervise

PAYMENT_TOPIC = "ili.payments.payment.v1"
_CANDIDATES = range(30)  # the companies' customers of whom one is the resident


@dataclass
class Paid:
    """The payment that later acts use."""

    bill_id: str
    payment_id: str
    order_number: str
    amount_fen: int
    request_key: str


def play(stage: Stage) -> None:
    """Play all acts; raises Surprise where an answer differs from what the act expects."""
    stage.narrator.act("0  The two operators of the platform sign in, and make a third one")
    third = third_operator(stage)
    onboard_companies(stage)
    sent = upload_bills(stage)
    resident, bill = show_bill(stage, sent)
    paid = pay_bill(stage, resident, bill)
    repeat_requests(stage, resident, paid)
    buy_power(stage, resident)
    publish_mini_app(stage, resident)
    read_trail(stage, paid)
    refund_payment(stage, resident, third, paid.payment_id, paid.bill_id)
    replace_leaked_key(stage)
    change_holder(stage, resident, paid.bill_id)
    connect_new_home(stage, resident)
    supervise(stage, resident)
    third.close()
    resident.close()


def upload_bills(stage: Stage) -> Bill:
    """Upload the bills of both companies and return the water bill that reaches the most tiers."""
    stage.narrator.act(f"2  Each uploads a month of bills: {stage.rows:,} rows with the dirt of a billing system")
    planted = {company.kind: _upload_month(stage, company) for company in stage.companies}
    return max(planted[stage.water.kind].bills.values(), key=lambda bill: Decimal(bill.usage))


def _upload_month(stage: Stage, company: Company) -> Planted:
    file = stage.folder / f"{company.kind}-bills.csv"
    planted = write_month(
        file,
        provider_seed=company.seed,
        rows=stage.rows,
        encoding=company.encoding,
        tariff=company.tariff,
        clean=[account_number(company.seed, n, company.kind) for n in _CANDIDATES],
    )
    stage.narrator.tell(f"{file.name}: {file.stat().st_size:,} bytes in {company.encoding}")
    report = company.client.upload_bills(file, company.encoding)
    stage.narrator.tell(", ".join(f"{number:,} {name}" for name, number in _counts(report).items()))
    stage.narrator.check(f"{company.kind}: counted exactly as planted", _counts(report) == planted.counts)
    stage.narrator.check("arrived byte for byte", report["sha256"], planted.sha256)
    refused = [(row["row"], row["reason"]) for row in company.client.refused_rows(report)]
    stage.narrator.check("each refused row has its number and reason", sorted(refused) == sorted(planted.refused_rows))
    for reason, number in sorted(planted.reasons.items()):
        stage.narrator.tell(f"{number:>5} rows {reason}")
    again = company.client.upload_bills(file, company.encoding)
    stage.narrator.check("sent again, it changes nothing", _counts(again) == planted.counts_when_sent_again)
    return planted


def _counts(report: dict[str, Any]) -> dict[str, int]:
    return {name: report[name] for name in ("rows", "accepted", "unchanged", "amended", "refused")}


def show_bill(stage: Stage, sent: Bill) -> tuple[Person, dict[str, Any]]:
    stage.narrator.act("3  A resident registers, proves who they are, binds the account and sees the bill")
    holder = account_holder(stage.water.seed, position(stage.water.seed, sent.account_number))
    resident = stage.person()
    resident.sign_in()
    me = stage.narrator.answered("registered by phone and code", resident.call("GET", "/identity/v1/me"), 200)
    stage.narrator.check("at assurance level", me["assurance_level"], 1)
    _prove(stage, resident, holder.holder_name)
    bind(stage, resident, stage.water.provider_id, holder.account_number)
    return resident, _read_bill(stage, resident, sent)


def _prove(stage: Stage, resident: Person, name: str) -> None:
    early = resident.call("GET", "/payments/v1/bills")
    stage.narrator.answered("no bills are shown before identity is proven", early, 403, "assurance_too_low")
    number = sample_codes.id_number()
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    refused = resident.call("POST", "/identity/v1/me/proofing", json=resident.proof(name, wrong))
    stage.narrator.check("an ID number with a wrong check digit is refused", refused.status_code, 422)
    proven = resident.call("POST", "/identity/v1/me/proofing", json=resident.proof(name, number))
    stage.narrator.check("name and ID number agree with the registry", proven.is_success)
    resident.refresh()
    me = resident.call("GET", "/identity/v1/me").json()
    stage.narrator.check("the new token is of assurance level", me["assurance_level"], 2)


def _read_bill(stage: Stage, resident: Person, expected: Bill) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        items = resident.call("GET", "/payments/v1/bills", params={"status": "due"}).json()["items"]
        return items[0] if items else None

    listed = stage.narrator.wait_for("the bill is listed", look)
    path = f"/payments/v1/bills/{listed['bill_id']}"
    bill: dict[str, Any] = stage.narrator.answered("and shown", resident.call("GET", path), 200)
    stage.narrator.check("it is the bill the company sent", bill["bill_number"], expected.bill_number)
    stage.narrator.check("to the fen", bill["amount_fen"], int(Decimal(expected.amount) * 100))
    for line in (explanation := bill["explanation"])["lines"]:
        how = "tier {tier}: {quantity} m3 x ¥{unit_price}".format_map(line)
        stage.narrator.tell(f"{how} = {in_digits(line['amount_fen'])}")
    stage.narrator.tell(f"fixed fee: {in_digits(explanation['fixed_fee_fen'])}")
    stage.narrator.check("the tariff explains all of it; unexplained fen", explanation["difference_fen"], 0)
    return bill


def pay_bill(stage: Stage, resident: Person, bill: dict[str, Any]) -> Paid:
    stage.narrator.act("4  The resident pays; the channel notifies the platform; the company books the posting")
    key = f"demo-{bill['bill_id']}"
    body = {"bill_ids": [bill["bill_id"]], "channel": "sandbox"}
    created = resident.call("POST", "/payments/v1/payments", key=key, json=body)
    payment = stage.narrator.answered("a payment over the bill is created", created, 201)
    stage.narrator.check("its amount is the bill's", payment["amount_fen"], bill["amount_fen"])
    pay_url, done = pay_and_complete(stage, resident, payment["payment_id"])
    _check_ledger(stage)
    _check_books(stage, bill, done)
    order_number = pay_url.rsplit("/", 1)[-1]
    return Paid(bill["bill_id"], payment["payment_id"], order_number, payment["amount_fen"], key)


def _check_ledger(stage: Stage) -> dict[str, Any]:
    answer = stage.operator.call("GET", "/payments/v1/ledger/trial-balance")
    balance: dict[str, Any] = stage.narrator.answered("the operator asks for the trial balance", answer, 200)
    stage.narrator.check("debits equal credits", balance["debit_fen"] - balance["credit_fen"], 0)
    return balance


def _check_books(stage: Stage, bill: dict[str, Any], receipt: dict[str, Any]) -> None:
    booked = stage.water.books()["newest"][0]
    stage.narrator.check("the company booked this bill", booked["bill_number"], bill["bill_number"])
    stage.narrator.check("for these fen", booked["amount_fen"], bill["amount_fen"])
    reference = receipt["bills"][0]["provider_reference"]
    stage.narrator.check("its reference stands on the receipt", bool(reference) and reference in json.dumps(booked))


def repeat_requests(stage: Stage, resident: Person, paid: Paid) -> None:
    stage.narrator.act(
        "5  A second tap, a notice three times, a forgery, a posting sent on, a second payment, a stranger"
    )
    before = _balances(stage)
    body = {"bill_ids": [paid.bill_id], "channel": "sandbox"}
    tap = resident.call("POST", "/payments/v1/payments", key=paid.request_key, json=body)
    stage.narrator.answered("the same tap again gets the same answer", tap, 201)
    stage.narrator.check("marked as a replay", tap.headers.get("idempotency-replayed"), "true")
    _replay_notices(stage, paid)
    forward_posting(stage)
    second = resident.call("POST", "/payments/v1/payments", json=body)
    stage.narrator.answered("a second payment of the bill is refused", second, 409, "bill_already_paid")
    _read_as_stranger(stage, paid)
    stage.narrator.check("and nothing has changed: ledger and books as before", _balances(stage) == before)


def _balances(stage: Stage) -> tuple[Any, ...]:
    balance = stage.operator.call("GET", "/payments/v1/ledger/trial-balance").json()
    return balance["accounts"], balance["debit_fen"], stage.water.books()


def _replay_notices(stage: Stage, paid: Paid) -> None:
    sent = httpx.get(f"{stage.platform.channel_url}/orders/{paid.order_number}/notices")
    notice = sent.raise_for_status().json()["items"][0]
    url = f"{stage.platform.public_url}/payments/v1/channels/sandbox/notices"
    body, headers = notice["body"].encode(), {**notice["headers"], "Content-Type": "application/json"}
    for time in ("once", "twice", "three times"):
        stage.narrator.answered(f"the same notice, {time} more", httpx.post(url, content=body, headers=headers), 204)
    cheaper = body.replace(str(paid.amount_fen).encode(), b"1")
    forged = httpx.post(url, content=cheaper, headers=headers)
    stage.narrator.check("a notice whose amount was changed on the way is refused", forged.status_code, 401)


def _read_as_stranger(stage: Stage, paid: Paid) -> None:
    (stranger := stage.person()).sign_in()
    stranger.call("POST", "/identity/v1/me/proofing", json=stranger.proof("测试邻居", sample_codes.id_number()))
    stranger.refresh()
    for what, path in (("bill", f"bills/{paid.bill_id}"), ("payment", f"payments/{paid.payment_id}")):
        answer = stranger.call("GET", f"/payments/v1/{path}")
        stage.narrator.answered(f"to another resident this {what} does not exist", answer, 404, "not_found")
    stranger.close()


def read_trail(stage: Stage, paid: Paid) -> None:
    stage.narrator.act("8  The trail of the payment, read back from Kafka by an independent client")
    trail = asyncio.run(_trail(stage.platform.kafka, paid.payment_id))
    for event in trail:
        stage.narrator.tell(f"{event['time']}  {event['type']}")
    steps = [event["type"].split(".")[-2] for event in trail]
    stage.narrator.check("in order", steps, ["created", "pending", "captured", "completed"])
    amounts = {event["data"]["amount_fen"] for event in trail}
    stage.narrator.check("always the same fen", amounts, {paid.amount_fen})
    text = json.dumps(trail, ensure_ascii=False)
    stage.narrator.check("and without a name or a phone", not ("测试" in text or "+86" in text))


async def _trail(kafka: str, payment_id: str) -> list[dict[str, Any]]:
    """The payment's events from the beginning of the topic to its present end, each once, in order."""
    source = aiokafka.AIOKafkaConsumer(PAYMENT_TOPIC, bootstrap_servers=kafka, auto_offset_reset="earliest")
    await source.start()
    events: dict[str, dict[str, Any]] = {}
    try:
        ends = await source.end_offsets(source.assignment())
        while any([await source.position(partition) < end for partition, end in ends.items()]):
            for records in (await source.getmany(timeout_ms=1_000)).values():
                for record in records:
                    if record.key == payment_id.encode():
                        event = json.loads(record.value)
                        events.setdefault(event["id"], event)
    finally:
        await source.stop()
    return list(events.values())

"""What each document and the groups of operations in it are about; tags stand in the order in which they are shown."""

ABOUT = {
    "identity": "Sign-in, access tokens, identity proofing, organisations and their staff.",
    "services": "Public utilities: reference data, providers, tariffs and utility accounts bound to residents.",
    "payments": "Bills and money: payments, receipts, refunds, settlement, reconciliation and the ledger.",
    "miniapps": "Mini-apps of counties: packages, review, release and catalogue.",
    "gateway": "What the gateway answers itself: the file of a person's data, the contracts, and its health.",
    "provider": "What a company implements to be connected: every call that the platform makes at its endpoint.",
}

TAGS: dict[str, dict[str, str]] = {
    "identity": {
        "oauth": "OAuth 2.0 and OpenID Connect: tokens, keys and the caller's claims.",
        "sign-in": "Pages on which people sign in with a code sent to their phone.",
        "agreements": "The privacy notice and the user agreement, by version and language.",
        "my data": "What people see and decide of their own personal information.",
        "persons": "The caller's own record, identity proofing and signed statements of their name.",
        "families": "Relatives who help a person, in some matters and within limits.",
        "organisations": "Organisations, their members' roles and the staff of one-stop counters.",
    },
    "services": {
        "catalogue": "Reference data: kinds of utilities, divisions and townships.",
        "providers": "Connected providers, and applications to become one.",
        "tariffs": "Published tariffs of public utilities.",
        "service items": "What can be applied for where, with which materials, in how many days and for what fee.",
        "account bindings": "Utility accounts bound to residents.",
        "meter readings": "Meters that residents read themselves, for their provider to fetch.",
        "applications": "Applications of residents: drafts, cases, and who decides them.",
        "materials": "Files that residents hand in with applications, and who may open them.",
        "papers": "Papers of applications, which anybody can verify.",
        "workflows": "Forms and steps of applications, by version.",
        "calendar": "Working days: holidays and make-up days, and who changed them.",
        "supervision": "Late cases, supervision orders, ratings, rectifications and public figures.",
        "outages": "Planned and sudden interruptions of supply, and whom they concern.",
        "arrears": "Arrears notices, cut-offs and reconnections, step by step.",
        "signing keys": "Keys that sign requests to providers.",
    },
    "payments": {
        "bills": "Bills of residents, as providers issue, amend, void and expire them.",
        "bill files": "Files of bills, in one request or resumable, and their reports.",
        "bill inquiries": "Amounts due, queried from a provider while the resident waits.",
        "payments": "Payments of residents: quote, create, confirm, cancel, list and export.",
        "top-ups": "Amounts that a provider sells in advance.",
        "mandates": "Auto-pay mandates and their debits.",
        "channels": "Payment channels and the notifications they send.",
        "receipts": "Receipts of payments, and their verification by anyone.",
        "e-invoices": "Electronic invoices of payments.",
        "refunds": "Refunds: requests of payers and the work of operators.",
        "reminders": "Reminders of due bills, and which kinds a resident receives.",
        "spending": "What residents paid and used, by month.",
        "payment terms": "How a provider may be paid, in versions that two operators agree on.",
        "postings": "Payments booked at providers, and the keys that sign those requests.",
        "tills": "Payments and refunds at one-stop counters.",
        "statements": "Statements of channels and providers.",
        "reconciliation": "Statements compared with the ledger, day by day.",
        "cases": "Discrepancies that reconciliation found.",
        "settlement": "Money owed to providers each day, and its transfer by the bank.",
        "ledger": "Accounts, entries and the trial balance of the double-entry ledger.",
        "search": "Records found by a number, and everything on record about a payment or a bill.",
        "figures": "How payments fare now, and which are overdue.",
        "incidents": "What should not have happened and needs a person.",
        "manual actions": "Corrections that one operator proposes and another approves.",
        "audit": "Who did what to what.",
    },
    "miniapps": {
        "catalogue": "Published mini-apps, as residents see and download them.",
        "categories": "The kinds of mini-apps.",
        "apps": "Mini-apps of county teams.",
        "packages": "Packages that teams upload.",
        "releases": "Releases of mini-apps, from draft to publication.",
        "clients": "Mini-apps as OAuth clients: what they may ask residents for.",
        "reviews": "Releases that wait for a reviewer.",
    },
    "gateway": {
        "my data": "One file with what all services hold of a person.",
        "contracts": "The documents of the services and of the gateway.",
        "health": "Whether the gateway runs.",
    },
    "provider": {
        "account bindings": "Whether an account is held under a name, before it is bound to a resident.",
        "bill inquiries": "What is due on an account, while the resident waits.",
        "top-ups": "Whether an amount can be bought in advance.",
        "postings": "Payments to book, their state, and those to cancel.",
    },
}


def tags_of(service: str) -> list[dict[str, str]]:
    """The tags of a service as OpenAPI has them."""
    return [{"name": name, "description": description} for name, description in TAGS.get(service, {}).items()]

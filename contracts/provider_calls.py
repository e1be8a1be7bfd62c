"""What the platform calls at a company's endpoint, as webhooks of the document of the service that calls.

docs/guides/providers.md explains them; `contracts/reference_provider` answers them.
"""

from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

_ID: Json = {"type": "string", "format": "uuid"}
_TEXT: Json = {"type": "string", "minLength": 1, "maxLength": 200}
_FEN: Json = {"type": "integer", "minimum": 1}
_SIGNED = """

The call is signed by HTTP Message Signatures (RFC 9421) with a key of `/{service}/v1/signing-keys`, `rsa-pss-sha512`.
The signature has the label `myili` and covers `@method`, `@target-uri`, `content-digest`, `content-type` of a body, and
`myili-recipient`; its parameters are `created`, `expires`, `nonce`, `keyid`, `alg` and `tag` with the value
`myili-request`. Refuse with 401 whatever differs: another label, other components or parameters, more than one
signature, a header field twice, a time after `expires` or more than 300 seconds before `created`, a lifetime above 300
seconds, a nonce seen before, a recipient that is not the company's provider_id, a target URI that is not its
endpoint_url with this path, a digest that is not the body's. A body is `application/json` in UTF-8, and no object of it
has a member twice."""
_HEADERS = {
    "MyIli-Recipient": ("The provider_id of the company that the call is for.", _ID),
    "Content-Digest": ("SHA-256 of the body, also of an empty one (RFC 9530).", {"type": "string"}),
    "Signature-Input": ("What the one signature covers, and its parameters (RFC 9421).", {"type": "string"}),
    "Signature": ("The one signature (RFC 9421).", {"type": "string"}),
}
_BOOKING = {
    "result": {"type": "string", "enum": ["booked", "refused"]},
    "provider_reference": _TEXT,
    "reason": _TEXT,
    "prepaid": {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "kind": {"type": "string", "enum": ["token", "write_card"]},
            "token": _TEXT,
            "state": {"type": "string", "pattern": "^[a-z_]{1,32}$"},
        },
    },
}
_STATED = ["result"]


def _object(members: Json, required: list[str] | None = None) -> Json:
    return {"type": "object", "properties": members, "required": list(members) if required is None else required}


def _result(*values: str) -> Json:
    return {"result": {"type": "string", "enum": list(values)}}


def _call(service: str, tag: str, summary: str, where: str, answer: Json, body: Json | None = None) -> Json:
    """One call; `where` is its method and path behind the company's endpoint_url."""
    content = {"application/json": {"schema": body}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    call = {
        "operationId": summary.lower().replace(" ", "_").replace("-", "_"),
        "summary": summary,
        "description": f"`{where}` behind the company's endpoint_url.{_SIGNED.format(service=service)}",
        "tags": [tag],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": about, "schema": schema}
            for name, (about, schema) in _HEADERS.items()
        ],
        "responses": {
            "200": {"description": "The company's answer.", "content": {"application/json": {"schema": answer}}},
            "default": {"description": "A refusal; the platform calls again later.", "content": problem},
        },
    }
    return call if body is None else {**call, "requestBody": {"required": True, "content": content}}


def _payments_call(tag: str, summary: str, where: str, answer: Json, body: Json | None = None) -> Json:
    return _call("payments", tag, summary, where, answer, body)


_POSTING = {
    "provider_id": _ID,
    "posting_id": _ID,
    "payment_id": _ID,
    "receipt_number": _TEXT,
    "bill_number": _TEXT,
    "account_number": _TEXT,
    "amount_fen": _FEN,
    "currency": {"type": "string", "const": "CNY"},
    "paid_at": {"type": "string", "format": "date-time"},
}
_DETAILS = {
    "kind": {"type": "string", "enum": ["regular", "advance", "top_up", "application_fee"]},
    "application_id": {
        **_ID,
        "description": "Of an application_fee: the application that it is booked on. Its account_number is the same.",
    },
    "late_fee_fen": {"type": "integer", "minimum": 0},
    "bill_amount_fen": _FEN,
}
_BILL = {
    "bill_number": _TEXT,
    "account_number": _TEXT,
    "period": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"},
    "usage": _TEXT,
    "amount_fen": _FEN,
    "due_date": {"type": "string", "format": "date"},
}
_BILLS = {
    "type": "array",
    "maxItems": 50,
    "items": _object(
        {
            **_BILL,
            "meter_from": _TEXT,
            "meter_to": _TEXT,
            "meter_digits": {
                "type": "integer",
                "minimum": 1,
                "maximum": 9,
                "description": "How many digits the meter shows; needed where the second reading is the lower one.",
            },
        },
        list(_BILL),
    ),
}
_DELIVERY = {
    "provider_id": _ID,
    "delivery_id": {**_ID, "description": "The same at every try: answer one that is known `received` again."},
    "kind": {
        "type": "string",
        "pattern": "^[a-z_]{1,64}$",
        "description": "`application_submitted`, `application_moved`, `holder_change_done` or "
        "`meter_reading_taken`; expect further kinds, and answer them `received`.",
    },
    "subject_id": {
        **_ID,
        "description": "The application, holder change or reading. Of one subject the next delivery is sent "
        "when the one before was received or given up.",
    },
    "occurred_at": {"type": "string", "format": "date-time"},
    "details": {
        "type": "object",
        "description": "Of a case its `action`, `actor`, `state`, `version` and whether it has `ended`; of a reading "
        "its `number`. The rest is read from the platform with the company's token.",
        "properties": {
            "action": _TEXT,
            "actor": _TEXT,
            "state": _TEXT,
            "version": {"type": "integer", "minimum": 1},
            "ended": {"type": "boolean"},
            "number": {"type": "integer", "minimum": 1},
        },
    },
}
_PREMISES = {
    **_object({"division_code": {"type": "string", "pattern": "^[0-9]{6}$"}, "address": {**_TEXT, "maxLength": 100}}),
    "description": "Optional, with `match`: where the account is supplied, down to the building; outages go by it.",
}
_CANNOT = ("no_account", "closed", "not_payable_online", "payment_unfinished")

CALLS: dict[str, Json] = {
    "services": {
        "account-verification": {
            "post": _call(
                "services",
                "account bindings",
                "Verify an account holder",
                "POST /account-verifications",
                _object({**_result("match", "no_match", "no_account"), "premises": _PREMISES}, _STATED),
                _object({"provider_id": _ID, "request_id": _ID, "account_number": _TEXT, "holder_name": _TEXT}),
            )
        },
        "delivery": {
            "post": _call(
                "services",
                "deliveries",
                "Receive a delivery",
                "POST /deliveries",
                _object(_result("received")),
                _object(_DELIVERY),
            )
        },
    },
    "payments": {
        "bill-inquiry": {
            "post": _payments_call(
                "bill inquiries",
                "Query the bills due on an account",
                "POST /bill-inquiries",
                _object({**_result("due", "nothing_due", *_CANNOT), "bills": _BILLS}, _STATED),
                _object({"provider_id": _ID, "inquiry_id": _ID, "account_number": _TEXT}),
            )
        },
        "top-up-validation": {
            "post": _payments_call(
                "top-ups",
                "Validate a top-up",
                "POST /top-up-validations",
                _object(
                    {
                        **_result("accepted", "not_purchasable", "above_purchasable", *_CANNOT),
                        "most_fen": {**_FEN, "minimum": 0},
                    },
                    _STATED,
                ),
                _object({"provider_id": _ID, "validation_id": _ID, "account_number": _TEXT, "amount_fen": _FEN}),
            )
        },
        "posting": {
            "post": _payments_call(
                "postings",
                "Book a posting",
                "POST /postings",
                _object(_BOOKING, _STATED),
                _object({**_POSTING, **_DETAILS}, list(_POSTING)),
            )
        },
        "posting-query": {
            "get": _payments_call(
                "postings",
                "Query a posting",
                "GET /postings/{posting_id}",
                _object({**_BOOKING, **_result("booked", "refused", "not_found")}, _STATED),
            )
        },
        "posting-cancellation": {
            "post": _payments_call(
                "postings",
                "Cancel a posting",
                "POST /postings/{posting_id}/cancellations",
                _object({**_result("cancelled", "booked"), "provider_reference": _TEXT}, _STATED),
                _object(
                    {
                        "provider_id": _ID,
                        "posting_id": _ID,
                        "reason": {"type": "string", "enum": ["unanswered", "refund"]},
                    }
                ),
            )
        },
    },
}

"""What personal information is processed for, on which ground, and how long it is kept: the record of PIPL 55 and 56.

The privacy notice says the same in words; a new activity needs a new version of it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Activity(StrEnum):
    """What it is processed for."""

    ACCOUNT = "account"
    IDENTITY_PROOFING = "identity_proofing"
    FACE_VERIFICATION = "face_verification"
    NETWORK_CERTIFICATE = "network_certificate"
    UTILITY_ACCOUNTS = "utility_accounts"
    PAYMENTS = "payments"
    APP_ACCESS = "app_access"
    ABUSE_PREVENTION = "abuse_prevention"
    AUDIT_TRAIL = "audit_trail"


class Ground(StrEnum):
    """On which ground: PIPL 13, and 29 for what is sensitive."""

    CONSENT = "consent"
    SEPARATE_CONSENT = "separate_consent"
    CONTRACT = "contract"
    LEGAL_DUTY = "legal_duty"


@dataclass(frozen=True)
class Record:
    """One processing activity."""

    ground: Ground
    article: str
    """Where the ground, and the duty to keep, are stated."""
    data: tuple[str, ...]
    recipients: tuple[str, ...]
    retention: str
    since: date
    stops: tuple[str, ...] = ()
    """What is no longer possible once its consent is withdrawn."""


_SINCE = date(2026, 12, 1)
RECORDS: dict[Activity, Record] = {
    Activity.ACCOUNT: Record(
        Ground.CONSENT,
        "PIPL 13(1)(1), 14, 17",
        ("phone",),
        ("sms_provider",),
        "until the closure of the account takes effect",
        _SINCE,
    ),
    Activity.IDENTITY_PROOFING: Record(
        Ground.SEPARATE_CONSENT,
        "PIPL 28, 29",
        ("name", "id_number"),
        ("population_registry",),
        "until the consent is withdrawn or the closure takes effect; of a claim until its decision, 30 days at most",
        _SINCE,
        stops=(
            *("account_binding", "bills", "payments", "staff_roles"),
            *("representation", "mandates", "family_accounts", "sign_ins"),
        ),
    ),
    Activity.FACE_VERIFICATION: Record(
        Ground.SEPARATE_CONSENT,
        "PIPL 28, 29; Measures for the Security of the Application of Facial Recognition Technology 5, 10",
        ("name", "id_number", "face_in_the_hands_of_the_verifier", "result"),
        ("face_verifier",),
        "no image arrives or is kept here; the result until it expires, the consent is withdrawn or the account closed",
        _SINCE,
        stops=("level_3_by_face",),
    ),
    Activity.NETWORK_CERTIFICATE: Record(
        Ground.SEPARATE_CONSENT,
        "PIPL 28, 29; Measures for the National Network Identity Authentication Public Service 4, 7, 10",
        ("name", "id_number", "network_identity_number_digest", "result"),
        ("national_network_identity_service",),
        "the digest and the result until the consent is withdrawn, level 3 ends or the account is closed",
        _SINCE,
        stops=("level_3_by_network_certificate",),
    ),
    Activity.UTILITY_ACCOUNTS: Record(
        Ground.CONTRACT,
        "PIPL 13(1)(2), 23",
        ("name", "account_number"),
        ("provider_of_the_account",),
        "the binding until it ends; the name is passed on and not kept",
        _SINCE,
    ),
    Activity.PAYMENTS: Record(
        Ground.LEGAL_DUTY,
        "PIPL 13(1)(3), 47; Measures for the Administration of Accounting Archives 14",
        ("bills", "payments", "refunds", "mandates", "invoices"),
        ("payment_channel", "provider_of_the_account"),
        "30 years from the end of the year; without name and phone",
        _SINCE,
    ),
    Activity.APP_ACCESS: Record(
        Ground.CONSENT,
        "PIPL 13(1)(1), 23",
        ("what_the_scopes_name",),
        ("the_app",),
        "until it is withdrawn; a lasting sign-in for 180 days",
        _SINCE,
        stops=("sign_ins_of_the_app",),
    ),
    Activity.ABUSE_PREVENTION: Record(
        Ground.CONTRACT,
        "PIPL 13(1)(2)",
        ("device_digest", "address_digest"),
        (),
        "a day; devices 400 days from their last use",
        _SINCE,
    ),
    Activity.AUDIT_TRAIL: Record(
        Ground.LEGAL_DUTY,
        "PIPL 51, 54, 56; Cybersecurity Law 21(3)",
        ("person_id", "who_read_what_and_why"),
        (),
        "kept; holds no name, phone or ID number",
        _SINCE,
    ),
}
"""By activity. `tests/svc_identity/people/consents` proves that each has its sentence in every language."""

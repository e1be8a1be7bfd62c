"""What this service states of the personal data that it holds, for `python -m deploy.evidence`."""

from collections.abc import Iterator

from kit.evidence.facts import Evidence, Figure, Held, Party, month
from svc_identity.people.consents.activities import Activity

_CLOSED = "erased when the closure of the account takes effect"
_HALF_HOUR = "half an hour after it began"
_PROOF = "kept as proof (PIPL 69); who it was is erased with the account"
_STATED = f"the reason after three years; the rest is {_PROOF}"
_ACCOUNT, _PROOFING = Activity.ACCOUNT, Activity.IDENTITY_PROOFING
_ABUSE, _TRAIL, _APPS = Activity.ABUSE_PREVENTION, Activity.AUDIT_TRAIL, Activity.APP_ACCESS

TABLES = {
    "persons": Held(_ACCOUNT, f"phone, name, ID number and their indexes are {_CLOSED}"),
    "consents": Held(_ACCOUNT, _PROOF),
    "closures": Held(_ACCOUNT, _PROOF),
    "corrections": Held(
        _ACCOUNT, f"the words are {_CLOSED}, or three years after the answer; that it was asked is kept as proof"
    ),
    "sign_ins": Held(_ACCOUNT, _HALF_HOUR),
    "device_authorizations": Held(_ACCOUNT, "minutes; the tie to a person with the sign-in"),
    "authorization_codes": Held(_ACCOUNT, "a minute after it was issued"),
    "login_codes": Held(_ACCOUNT, "ten minutes after it was issued"),
    "token_families": Held(_ACCOUNT, "when the sign-in has ended, after 180 days at the latest"),
    "logout_notices": Held(_ACCOUNT, "when the app was notified"),
    "factors": Held(_ACCOUNT, f"secret and public key when it is removed, its name half a year later or {_CLOSED}"),
    "factor_notices": Held(_ACCOUNT, "when the message was sent"),
    "factor_resets": Held(_ACCOUNT, _STATED),
    "factor_tries": Held(_ABUSE, "with the next right code, after a day at the latest"),
    "passwords": Held(_ACCOUNT, f"the hash when it is removed or is {_CLOSED}"),
    "password_tries": Held(_ABUSE, "with the next right password, after a day at the latest"),
    "recovery_codes": Held(_ACCOUNT, f"half a year after its use, or {_CLOSED}"),
    "enrolment_codes": Held(_ACCOUNT, _STATED),
    "proofing_attempts": Held(
        _PROOFING, "the hash of the number after a day; that it was queried, and the outcome, is kept"
    ),
    "identity_claims": Held(
        _PROOFING, "name and number when it is decided, 30 days at most; the reasons three years later"
    ),
    "representation_checks": Held(_PROOFING, "three years: who asked the registry about which organisation"),
    "represented_organisations": Held(_PROOFING, "when somebody else represents the organisation"),
    "mandates": Held(_PROOFING, f"phone and name three years after its end; the rest is {_PROOF}"),
    "mandate_reminders": Held(_PROOFING, "a month after the mandate's end"),
    "family_orders": Held(
        _PROOFING, "name and ID number when it is decided, the helper three years later; who decided is kept"
    ),
    "guardian_claims": Held(_PROOFING, _PROOF),
    "guardian_consents": Held(_PROOFING, f"the hash of the child's number after 17 years; the rest is {_PROOF}"),
    "verifications": Held(_PROOFING, "kept: which check had which outcome; no image, name or number"),
    "family_accounts": Held(_ACCOUNT, "names and phones three years after its end; who acted for whom is kept"),
    "family_notices": Held(_ACCOUNT, "when the message was sent"),
    "identity_notices": Held(_ACCOUNT, "when the message was sent"),
    "memberships": Held(_TRAIL, "kept: who held which power, and when"),
    "role_changes": Held(_TRAIL, "kept: who gave which power to whom, and why"),
    "suspensions": Held(_TRAIL, "the reasons three years after it was lifted; who stopped whom is kept"),
    "app_access": Held(_APPS, _PROOF),
    "personal_data_reads": Held(_TRAIL, "kept; holds no name, phone or ID number"),
    "data_reads": Held(_TRAIL, "three years; holds no name, phone or ID number"),
    "open_payments": Held(Activity.PAYMENTS, "when the payment has ended"),
    "identity_tries": Held(_ABUSE, "a day"),
    "phone_changes": Held(_ACCOUNT, f"both numbers when it has ended, hashes half a year later; the rest is {_PROOF}"),
    "phone_notices": Held(_ACCOUNT, "when the message was sent"),
    "number_claims": Held(_ACCOUNT, "when it ends, after sixty days at the latest"),
    "phone_proof_tries": Held(_ABUSE, "a day"),
    "known_devices": Held(_ABUSE, "400 days after its last use"),
    "sent_codes": Held(_ABUSE, "a day"),
    "wrong_user_codes": Held(_ABUSE, "a day"),
}
IMPERSONAL = frozenset(
    {
        *("blind_index_keys", "clients", "organisations", "company_providers", "signing_key_terms"),
        *("used_requests", "used_assertions", "used_challenges"),
    }
)
ENCRYPTED = {
    "persons": ("phone", "name", "id_number"),
    "identity_claims": ("name", "id_number"),
    "sign_ins": ("phone", "answer", "new_factor"),
    "factors": ("secret",),
    "corrections": ("words", "answer"),
    "family_orders": ("name", "id_number"),
    "phone_changes": ("old_phone", "new_phone"),
    "phone_notices": ("phone", "link"),
}
"""The encrypted columns; a test holds this to the models."""

_ROLE = """CASE WHEN reader = person_id::text THEN 'self' WHEN reader LIKE 'app:%' THEN 'app of others'
        ELSE coalesce((SELECT string_agg(DISTINCT held.role, '+' ORDER BY held.role) FROM memberships AS held
            WHERE held.person_id::text = reader AND held.created_at <= read_at
            AND (held.ended_at IS NULL OR held.ended_at > read_at)), 'no role') END"""
_DAY = "(ended_at AT TIME ZONE 'Asia/Shanghai')::date"
_DAYS = """round(percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM {ended} - {began}) / 86400)::numeric, 2)
    AS median_days, round(max(extract(epoch FROM {ended} - {began}) / 86400)::numeric, 2) AS longest_days"""


def _key_figures() -> Iterator[str]:
    for table, columns in ENCRYPTED.items():
        for column in columns:
            header = f"substring({column}, 1, 5)"
            yield (
                f"SELECT '{table}.{column}' AS place, encode(substring({header}, 2), 'hex') AS key_id, "  # noqa: S608 - ours
                f"CASE get_byte({header}, 0) WHEN 2 THEN 'sm4-gcm' ELSE 'aes-256-gcm' END AS cipher, count(*) "
                f"AS stored FROM {table} WHERE {column} IS NOT NULL GROUP BY {header}"
            )


FIGURES = (
    Figure(
        "persons",
        "各认证等级的人数，以及已注销的人数",
        "SELECT assurance_level, closed_at IS NOT NULL AS closed, count(*) AS persons FROM persons GROUP BY 1, 2 "
        "ORDER BY 1, 2",
    ),
    Figure(
        "consents",
        "同意：按事项、文本版本、方式和语言，有多少人同意、多少人撤回，最早和最近的日期",
        "SELECT activity, version, way, language, count(*) AS given, count(withdrawn_at) AS withdrawn, "
        "count(DISTINCT person_id) AS persons, min(given_at)::date AS first_given, max(given_at)::date AS last_given "
        "FROM consents GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    ),
    Figure(
        "app_access",
        "对他人应用的授权：按应用，授予和撤回的次数",
        "SELECT client_id, count(*) AS granted, count(withdrawn_at) AS withdrawn, "
        "min(granted_at)::date AS first_granted FROM app_access GROUP BY 1 ORDER BY 1",
    ),
    Figure(
        "reads",
        "在本服务中解密查看个人信息的次数：按月份、理由和查看者的角色",
        f"SELECT {month('read_at')} AS month, purpose, {_ROLE} AS role, count(*) AS reads, "  # noqa: S608 - ours
        "count(DISTINCT person_id) AS persons FROM personal_data_reads GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    ),
    Figure(
        "reads_elsewhere",
        "在其他服务中查看个人信息的次数：按月份、服务、理由和查看者的角色",
        f"SELECT {month('read_at')} AS month, service, reason, coalesce(role, 'no role') AS role, "  # noqa: S608 - ours
        "count(*) AS reads, count(DISTINCT person_id) AS persons FROM data_reads "
        "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
    ),
    Figure(
        "exports",
        "个人导出本人信息的次数：按月份; 当场答复",
        f"SELECT {month('read_at')} AS month, count(*) AS exports, count(DISTINCT person_id) AS persons "  # noqa: S608 - ours
        "FROM personal_data_reads WHERE reader = person_id::text AND 'id_number' = ANY(fields) GROUP BY 1 ORDER BY 1",
    ),
    Figure(
        "closures",
        "注销申请：按状态，件数和办结天数（含冷静期）",
        "SELECT status, count(*) AS requests, min(requested_at)::date AS first_requested, "  # noqa: S608 - ours
        f"{_DAYS.format(ended='ended_at', began='requested_at')} FROM closures GROUP BY 1 ORDER BY 1",
    ),
    Figure(
        "corrections",
        "更正请求：按事由和状态，件数、逾期件数（十五个工作日）和答复天数",
        "SELECT about, status, count(*) AS requests, "  # noqa: S608 - ours
        f"count(*) FILTER (WHERE coalesce({_DAY}, current_date) > due_on) AS late, "
        f"{_DAYS.format(ended='ended_at', began='asked_at')} FROM corrections GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "identity_claims",
        "证件号码认领：按状态和结论，件数和办结天数",
        "SELECT status, verdict, count(*) AS claims, "  # noqa: S608 - ours
        f"{_DAYS.format(ended='decided_at', began='opened_at')} FROM identity_claims GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "registry_queries",
        "向人口库核对的次数：按月份和结果",
        f"SELECT {month('started_at')} AS month, outcome, count(*) AS queries FROM proofing_attempts "  # noqa: S608 - ours
        "GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "roles",
        "现任工作人员：按角色的人数",
        "SELECT role, count(*) AS memberships, count(DISTINCT person_id) AS persons FROM memberships "
        "WHERE ended_at IS NULL AND (expires_at IS NULL OR expires_at > now()) GROUP BY 1 ORDER BY 1",
    ),
    Figure(
        "suspensions",
        "暂停账号或应用：按月份，件数和已恢复的件数",
        f"SELECT {month('suspended_at')} AS month, count(*) AS suspensions, count(lifted_at) AS lifted "  # noqa: S608 - ours
        "FROM suspensions GROUP BY 1 ORDER BY 1",
    ),
    Figure(
        "signing_keys",
        "签发令牌的密钥：编号、公钥、从何时到何时签发（误差一分钟以内；仍在签发的，截至取数时）。"
        "核对某个令牌：python -m deploy.evidence.tokens 目录，从标准输入读令牌",
        "SELECT kid, began_at, seen_at, jwk::text AS jwk FROM signing_key_terms ORDER BY began_at, kid",
    ),
    Figure(
        "encryption_keys",
        "加密存储：每一列用哪一把密钥（只列编号）、哪种算法加密了多少值",
        f"{' UNION ALL '.join(_key_figures())} ORDER BY 1, 2",
    ),
)
PARTIES = (
    Party("sms_provider", "短信服务商", ("phone", "code"), "svc_identity.sign_in.provider"),
    Party(
        "population_registry",
        "人口库：只回答姓名与证件号码是否一致",
        ("name", "id_number"),
        "svc_identity.people.proofing.provider",
    ),
    Party(
        "face_verifier",
        "人脸核验、网络身份认证服务：图像由其自己的程序采集，不经过平台",
        ("name", "id_number"),
        "svc_identity.verifications.provider",
    ),
    Party(
        "legal_entity_registry",
        "法人库：核对谁是法定代表人",
        ("name", "id_number"),
        "svc_identity.organisations.provider",
    ),
)
EVIDENCE = Evidence("identity", TABLES, IMPERSONAL, FIGURES, PARTIES)

"""The pack's text for people, in Chinese; every number in it is one of its tables, which name their queries."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from deploy.evidence.figures import Table
from deploy.evidence.settings import SERVICES
from deploy.evidence.trails import Proven

_MOST_ROWS = 40
_OPERATOR = "不在系统内：由运营单位另附。"
_NOT_DONE = "平台不做这种处理。"
# In the order of the guide that is annexed to the measures.
_POINTS = (
    ("合法性基础", "`register/activities`、`figures/identity/consents`"),
    ("处理规则与告知", "`register/notices`、`figures/identity/consents`"),
    ("共同处理", _NOT_DONE),
    (
        "委托处理、向他人提供",
        "`register/parties`、`figures/services/recipients`、`figures/identity/app_access`；合同" + _OPERATOR,
    ),
    ("因合并、分立等转移", _NOT_DONE),
    ("自动化决策", _NOT_DONE),
    ("公开个人信息、处理已公开的信息", _NOT_DONE),
    ("公共场所采集图像", _NOT_DONE),
    ("敏感个人信息", "证件号码：`register/activities` 的 `identity_proofing`、`register/tables` 的加密列"),
    ("不满十四周岁未成年人", "由监护人用监护人的账号办理；见告知文本。"),
    ("向境外提供", _NOT_DONE),
    ("删除", "`register/tables` 的 `ends`、`figures/identity/closures`、`figures/*/undelivered`"),
    (
        "查阅、复制、更正、撤回",
        "`figures/identity/exports`、`figures/identity/corrections`、`figures/identity/reads`、`figures/identity/identity_claims`",
    ),
    ("解释说明、投诉", "窗口和 12345 热线；记录" + _OPERATOR),
    ("内部制度、培训、负责人、影响评估", _OPERATOR),
    (
        "安全技术措施",
        "`register/tables`（加密、封存）、`figures/identity/encryption_keys`、`figures/identity/signing_keys`、`trails`",
    ),
    ("操作权限", "`figures/identity/roles`、`register/operations` 的 `who_may_call`、`figures/identity/reads`"),
    ("应急预案与处置", "`figures/payments/incidents`、`figures/identity/suspensions`；预案" + _OPERATOR),
    ("大型平台的额外义务", _OPERATOR),
)


@dataclass(frozen=True)
class Pack:
    """What was found, and what was not."""

    made_at: datetime
    version: str
    tables: Sequence[Table]
    trails: Sequence[Proven]
    missing: Sequence[str] = field(default=())

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing, and every trail is as it was sealed."""
        return not self.missing and len(self.trails) == len(SERVICES) and all(each.right for each in self.trails)


def report(pack: Pack) -> str:
    """The text; Markdown."""
    return "\n".join(
        [
            "# 个人信息保护合规审计：证据包",
            "",
            f"“我的伊犁”平台（接口 {pack.version} 版），生成于 {pack.made_at.isoformat(timespec='seconds')}（UTC）。",
            "依据：《个人信息保护法》第五十四条，《个人信息保护合规审计管理办法》（2025 年 5 月 1 日起施行）。",
            "本包只有计数和登记，没有任何人的姓名、手机号、证件号码、户号或人员编号，可以交给审计人员。",
            "每张表有 CSV 和 JSON 两份；JSON 的 `source` 写明由哪条查询或哪些文件得出。",
            "`sha256sum -c SHA256SUMS` 核对文件是否完整。",
            "",
            *_missing(pack),
            "## 审计要点和证据",
            "",
            "| 要点 | 证据 |",
            "|---|---|",
            *(f"| {point} | {where} |" for point, where in _POINTS),
            "",
            *_trails(pack),
            *(line for table in pack.tables if table.path.startswith("figures/") for line in _shown(table)),
            "## 登记表",
            "",
            *(
                f"- `{table.path}`：{table.about}，{len(table.rows)} 行。"
                for table in pack.tables
                if "register/" in table.path
            ),
            "",
        ]
    )


def _missing(pack: Pack) -> Iterator[str]:
    yield "## 缺少什么"
    yield ""
    if pack.missing:
        yield from (f"- {sentence}" for sentence in pack.missing)
    else:
        yield "不缺：四个服务的数据库都读到了。"
    yield ""


def _trails(pack: Pack) -> Iterator[str]:
    yield from ("## 审计链", "")
    yield "由封存的内容重新计算，并与库外的锚点核对；结果与右列的命令相同。"
    yield from ("", "| 服务 | 结果 | 环数 | 最后的锚点 | 锚点时间 | 命令 |", "|---|---|---|---|---|---|")
    for each in pack.trails:
        verdict = "与封存时一致" if each.right else f"**不一致，{each.findings} 处**"
        anchor = f"`{each.anchor}` {each.anchor_sha256[:16]}…" if each.anchor else "还没有锚点"
        yield f"| {each.service} | {verdict} | {each.links} | {anchor} | {each.anchored_at} | `{each.command}` |"
    yield ""
    yield from (f"- {each.service}：{finding}" for each in pack.trails for finding in each.named)
    yield ""


def _shown(table: Table) -> Iterator[str]:
    yield from (f"## {table.about}", "", f"`{table.path}`", "")
    if not table.rows:
        yield from ("没有。", "")
        return
    yield f"| {' | '.join(table.columns)} |"
    yield f"|{'---|' * len(table.columns)}"
    for row in table.rows[:_MOST_ROWS]:
        yield f"| {' | '.join(_cell(value) for value in row)} |"
    if len(table.rows) > _MOST_ROWS:
        yield f"（共 {len(table.rows)} 行，其余见文件。）"
    yield ""


def _cell(value: object) -> str:
    words: Mapping[object, str] = {None: "", True: "是", False: "否"}
    plain = words[value] if value is None or isinstance(value, bool) else str(value)
    return plain.replace("|", "\\|").replace("\n", " ")

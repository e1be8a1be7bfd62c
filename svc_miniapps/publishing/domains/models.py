"""The servers that an app talks to, each with the proof that its team controls it."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from chassis.db import Timestamp, new_id, now, one_of
from chassis.problems import checked_move
from svc_miniapps.apps.models import App
from svc_miniapps.base import Base


class ProofMethod(StrEnum):
    FILE = "file"
    """The server has a file with the token."""
    SIGNATURE = "signature"
    """The server signs a challenge with a key of the app's client."""


class DomainStatus(StrEnum):
    WAITING = "waiting"
    """Not proven yet; nothing of the app may name it."""
    PROVEN = "proven"
    LOST = "lost"
    """It was proven and left the allow-list; `failure` says why."""
    REMOVED = "removed"
    """By the team."""


class Failure(StrEnum):
    NAME_UNKNOWN = "name_unknown"
    ADDRESS_NOT_PUBLIC = "address_not_public"
    NOT_REACHED = "not_reached"
    """No connection, or no certificate for the name."""
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    """Another status than 200, a redirect too."""
    OTHER_CONTENT = "other_content"
    SIGNATURE_WRONG = "signature_wrong"
    NO_KEYS = "no_keys"
    """The app has no client with keys."""
    PROVEN_BY_OTHERS = "proven_by_others"
    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - no secret
    HANDED_OVER = "handed_over"
    """The app has another team now."""
    APP_ENDED = "app_ended"


TRANSITIONS: dict[DomainStatus, set[DomainStatus]] = {
    DomainStatus.WAITING: {DomainStatus.WAITING, DomainStatus.PROVEN, DomainStatus.LOST, DomainStatus.REMOVED},
    DomainStatus.PROVEN: {DomainStatus.LOST, DomainStatus.REMOVED},
    DomainStatus.LOST: {DomainStatus.WAITING, DomainStatus.REMOVED},
    DomainStatus.REMOVED: set(),
}


class AppDomain(Base):
    """A host of an app's allow-list, or one that waits to be proven."""

    __tablename__ = "app_domains"
    __table_args__ = (
        one_of("method", ProofMethod),
        one_of("status", DomainStatus),
        one_of("failure", Failure),
        CheckConstraint("status <> 'proven' OR proven_at IS NOT NULL", name="proven"),
        CheckConstraint("status <> 'lost' OR failure IS NOT NULL", name="lost"),
        Index(
            "uq_app_domains_app_id_host", "app_id", "host", unique=True, postgresql_where=text("status <> 'removed'")
        ),
        Index("ix_app_domains_registrable", "registrable", postgresql_where=text("status = 'proven'")),
        Index("ix_app_domains_check_at", "check_at", postgresql_where=text("check_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    app_id: Mapped[UUID] = mapped_column(ForeignKey("apps.id"))
    organisation_id: Mapped[UUID]
    host: Mapped[str] = mapped_column(Text)
    """In lower-case A-labels, with `*.` before it for every name below it."""
    registrable: Mapped[str] = mapped_column(Text)
    """The name below the public suffix; what overlaps has it in common."""
    test_port: Mapped[int | None]
    """Of a `.localhost` name, which only an embedded run accepts."""
    method: Mapped[ProofMethod] = mapped_column(Text)
    status: Mapped[DomainStatus] = mapped_column(Text, default=DomainStatus.WAITING)
    token: Mapped[str] = mapped_column(Text)
    token_expires_at: Mapped[datetime] = mapped_column(Timestamp)
    registered_by: Mapped[UUID]
    registered_at: Mapped[datetime] = mapped_column(Timestamp, default=now)
    proven_at: Mapped[datetime | None] = mapped_column(Timestamp)
    failure: Mapped[Failure | None] = mapped_column(Text)
    """Of the last check; null after one that succeeded."""
    failing_since: Mapped[datetime | None] = mapped_column(Timestamp)
    ended_by: Mapped[UUID | None]
    """Who removed it."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    # What follows changes with every check, and is not sealed.
    checks: Mapped[int] = mapped_column(default=0)
    """Counts the leases; the result of an older one is not applied."""
    check_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the next check is due; during one, when its lease ends."""
    checked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the last check began."""
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When a check last succeeded."""

    app: Mapped[App] = relationship(lazy="joined", innerjoin=True)

    @property
    def base(self) -> str:
        """The host that is called."""
        return self.host.removeprefix("*.")

    @property
    def content(self) -> str:
        """What proves it: the token, bound to the app and the host."""
        return f"myili-domain {self.token} {self.app_id} {self.host}"

    @property
    def proof_url(self) -> str:
        origin = f"http://{self.base}:{self.test_port}" if self.test_port else f"https://{self.base}"
        return f"{origin}/.well-known/myili-domain/{self.token}"

    def move_to(self, status: DomainStatus) -> None:
        self.status = checked_move(TRANSITIONS, DomainStatus(self.status), status)

    def lose(self, failure: Failure) -> None:
        """Take it off the allow-list."""
        self.move_to(DomainStatus.LOST)
        self.failure, self.check_at = failure, None


class PackageDomains(Base):
    """Which entries of the allow-list a package uses. Written with it, and never changed."""

    __tablename__ = "package_domains"

    package_id: Mapped[UUID] = mapped_column(ForeignKey("packages.id"), primary_key=True)
    hosts: Mapped[list[str]] = mapped_column(ARRAY(Text))

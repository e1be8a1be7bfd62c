"""The command by which signing keys change: it reads a setting, and writes its next value to standard output."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from joserfc.jwk import ECKey

from kit.signing_keys import ALGORITHM, SigningKey, published_at, read_signing_keys, signing_at

SHORTEST_NOTICE = timedelta(minutes=15)
"""Between publishing a key and signing with it: verifiers keep what they fetched for five minutes."""


@dataclass(frozen=True)
class Rotation:
    """The keys of one setting."""

    module: str
    variable: str
    service: str
    """What is restarted with the next value."""
    retired_after: timedelta
    """How long a key is published after the next one has begun to sign."""
    read: Callable[[], str]
    """The value of the setting."""
    withdrawing: str
    """What becomes of what a removed key has signed."""

    def main(self, arguments: Sequence[str]) -> int:
        if list(arguments[:1]) == ["withdraw"] and len(arguments) == 2 and arguments[1] not in {"-h", "--help"}:  # noqa: PLR2004
            arguments = ["withdraw", "--", arguments[1]]  # the id of a key may begin with a hyphen
        given, moment = self._parser().parse_args(arguments), datetime.now(UTC)
        try:
            keys = read_signing_keys(self.read())
            if given.command == "list":
                sys.stdout.writelines(f"{each.key.kid}  {self.state_of(each, keys, moment)}\n" for each in keys)
                return 0
            if given.command == "next":
                changed = self.add_next(keys, moment, timedelta(minutes=given.in_minutes))
            else:
                changed = withdraw(keys, moment, given.kid)
        except ValueError as error:
            sys.stderr.write(f"Nothing is changed: {error}.\n")
            return 2
        sys.stdout.write("".join(each.write() for each in changed))
        sys.stderr.writelines(f"{each.key.kid}  {self.state_of(each, changed, moment)}\n" for each in changed)
        sys.stderr.write(f"Set {self.variable} to the text on standard output and restart {self.service}.\n")
        return 0

    def add_next(self, keys: Sequence[SigningKey], moment: datetime, after: timedelta) -> list[SigningKey]:
        """The keys with a new one, which signs after that time, and without those that are retired.

        Raises:
            ValueError: verifiers would not know the key in time, or another one is to sign later.
        """
        if after < SHORTEST_NOTICE:
            raise ValueError(f"a key is published {SHORTEST_NOTICE.seconds // 60} minutes before it signs, or longer")
        signs_from = (moment + after).replace(microsecond=0)
        if any(each.signs_from >= signs_from for each in keys):
            raise ValueError("another key is scheduled for that time or later; withdraw it first")
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        return [*published_at(keys, moment, self.retired_after), SigningKey(key, signs_from)]

    def state_of(self, key: SigningKey, keys: Sequence[SigningKey], moment: datetime) -> str:
        if key == signing_at(keys, moment):
            return "signs"
        if key.signs_from > moment:
            return f"signs from {key.signs_from:%Y-%m-%d %H:%M} UTC"
        return "published" if key in published_at(keys, moment, self.retired_after) else "retired"

    def _parser(self) -> argparse.ArgumentParser:
        parser = argparse.ArgumentParser(prog=f"python -m {self.module}", description="Change signing keys.")
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("list", help="show which key does what")
        following = commands.add_parser("next", help="add a key that signs later, and drop those that are retired")
        following.add_argument(
            "--in-minutes", type=int, default=60, help="when it begins to sign; by default in an hour"
        )
        removed = commands.add_parser("withdraw", help=f"remove a key, such as a leaked one, and {self.withdrawing}")
        removed.add_argument("kid")
        return parser


def withdraw(keys: Sequence[SigningKey], moment: datetime, kid: str) -> list[SigningKey]:
    """The keys without one; where it signed, the next one signs at once.

    Raises:
        ValueError: there is no such key, or no other.
    """
    left = [each for each in keys if each.key.kid != kid]
    if len(left) == len(keys):
        raise ValueError(f"there is no key {kid}")
    if not left:
        raise ValueError("it is the only key; add another one first")
    if all(each.signs_from > moment for each in left):
        first = min(left, key=lambda each: each.signs_from)
        left[left.index(first)] = SigningKey(first.key, moment.replace(microsecond=0))
    return left

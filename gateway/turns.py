"""Turns of a bounded number, shared out among client addresses."""

import asyncio
from collections import deque
from dataclasses import dataclass, field


class NoTurnError(Exception):
    """All turns stayed taken for as long as a request may wait."""


class ShareUsedError(Exception):
    """The address has its share of the turns, or as many requests that wait as it may have."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one address may have."""

    turns: int
    waiting: int


@dataclass(slots=True)
class _Claims:
    taken: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Turns:
    """A bounded number of turns at a time; those who wait for one wait in a queue for each address.

    A free turn goes to each waiting address in order, not to the oldest request: however many requests one address has
    waiting, another waits behind one of them at most. Addresses that the platform cannot tell apart ("") are not
    limited.
    """

    def __init__(self, number: int, share: Share, seconds: float) -> None:
        self._free = number
        self._share = share
        self._seconds = seconds
        self._claims: dict[str, _Claims] = {}
        # The addresses that have requests waiting; whose turn is next stands first.
        self._rotation: dict[str, None] = {}

    async def take(self, address: str) -> None:
        """Take a turn, at once or after waiting.

        Raises:
            ShareUsedError: this address has too many of the turns or of those waiting for one.
            NoTurnError: others have them.
        """
        claims = self._claims.setdefault(address, _Claims())
        if self._free and not claims.waiting and self._below_share(address):
            self._free -= 1
            claims.taken += 1
            return
        if address and len(claims.waiting) >= self._share.waiting:
            raise ShareUsedError
        await self._wait(address, claims)

    def give_back(self, address: str) -> None:
        self._claims[address].taken -= 1
        self._free += 1
        self._forget_unused(address)
        self._hand_out()

    async def _wait(self, address: str, claims: _Claims) -> None:
        turn = asyncio.get_running_loop().create_future()
        claims.waiting.append(turn)
        self._rotation.setdefault(address)
        try:
            async with asyncio.timeout(self._seconds):
                await turn
        except BaseException as error:
            below_share = self._below_share(address)
            self._withdraw(address, turn)
            if isinstance(error, TimeoutError):
                raise (NoTurnError if below_share else ShareUsedError) from None
            raise

    def _withdraw(self, address: str, turn: asyncio.Future[None]) -> None:
        if turn.done() and not turn.cancelled():
            self.give_back(address)  # handed out just when its request stopped waiting
            return
        claims = self._claims.get(address)
        if claims is None or turn not in claims.waiting:
            return  # passed over already
        claims.waiting.remove(turn)
        if not claims.waiting:
            del self._rotation[address]
        self._forget_unused(address)

    def _hand_out(self) -> None:
        while self._free:
            address = next((each for each in self._rotation if self._below_share(each)), None)
            if address is None:
                return
            claims = self._claims[address]
            del self._rotation[address]
            turn = claims.waiting.popleft()
            if claims.waiting:
                self._rotation[address] = None
            if not turn.done():
                self._free -= 1
                claims.taken += 1
                turn.set_result(None)
            self._forget_unused(address)

    def _below_share(self, address: str) -> bool:
        return not address or self._claims[address].taken < self._share.turns

    def _forget_unused(self, address: str) -> None:
        claims = self._claims[address]
        if not claims.taken and not claims.waiting:
            del self._claims[address]

"""How long a client may keep us waiting: a pause is bounded, steady progress is not."""


class Pace:
    """An allowance of seconds that waiting uses up and arriving bytes refill, up to where it began.

    A client that moves at least `bytes_per_second` never runs out; one that moves less does, however it spreads its
    bytes; and no pause is longer than `seconds`.
    """

    def __init__(self, seconds: float, bytes_per_second: float) -> None:
        self._most = seconds
        self._bytes_per_second = bytes_per_second
        self.seconds_left = seconds

    def record(self, *, waited: float, moved: int) -> None:
        self.seconds_left = min(self._most, self.seconds_left - waited + moved / self._bytes_per_second)

"""The errors that a step may raise or meet."""


class MotiaError(Exception):
    """The host refused a call of the step, or could not carry it out.

    `code` says why: `denied` (not granted), `invalid` (the arguments make no sense), `limit`
    (a limit was reached) or `unavailable` (trying again may help).
    """

    def __init__(self, message, code="unavailable"):
        super().__init__(message)
        self.code = code

    @property
    def retryable(self):
        """Whether another attempt may succeed: the same call is denied or invalid every time."""
        return self.code in ("limit", "unavailable")


class NonRetryableError(Exception):
    """Raise this when another attempt would fail as well; the delivery is given up at once."""

    retryable = False


class RetryAfterError(Exception):
    """Raise this to be attempted again no earlier than `milliseconds` from now."""

    def __init__(self, message, milliseconds):
        super().__init__(message)
        self.retry_after = milliseconds


class InvalidResponse(Exception):
    """An api step returned something that is not a response."""


class InvalidConfig(Exception):
    """A step has no usable `config` or `handler`."""

    retryable = False


def from_host(error):
    """The `MotiaError` for the value of a WIT `error` variant."""
    code = type(error).__name__.rpartition("_")[2].lower()
    return MotiaError(str(getattr(error, "value", error)), code)

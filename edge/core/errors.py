"""The errors of the box, named by who must act. A refusal to offer something is a value."""


class StammgastError(Exception):
    """Base of every error that is not a bug."""


class MessageError(StammgastError):
    """A message that cannot be used: it is counted by `reason` and dropped.

    Args:
        reason: A short constant, fit for a metric label; never a value from the message.
        detail: What was found and what was expected; never a personal datum.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class TrustError(StammgastError):
    """Signed or hashed material that does not verify: the last trusted one is kept."""


class UnavailableError(StammgastError):
    """A broker, disk or model is gone: degrade as designed and retry with jittered backoff."""


class ConfigError(StammgastError):
    """A configuration that cannot be run; carries every problem at once.

    Args:
        problems: One sentence each: file, key, value found, what was expected, what to do.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

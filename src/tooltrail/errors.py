"""What can go wrong, as types.

    TooltrailError
    ├── CommandError      raised by the author of a command: becomes the response's `error`
    ├── NotRecordedError  the log could not be written
    └── UsageError        a reading command was asked for something it cannot do
        └── NotFoundError nothing in the logs answers to the id

Each class has a stable `code` for programs and an `exit_code`; the instance's
message says what happened, and `hint` what to do about it.
"""


class TooltrailError(Exception):
    """The root of every error that tooltrail raises on purpose."""

    code: str = "ERROR"
    exit_code: int = 1
    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if hint is not None:
            self.hint = hint


class CommandError(TooltrailError):
    """Fail a command with a stable code: raise it anywhere inside a recorded call.

    In envelope mode it becomes `error` of the response; its message and hint
    are printed where the output is text. `retryable` says whether the same
    call may succeed later; leave it None when that is not known.
    """

    code = "COMMAND_FAILED"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        exit_code: int = 1,
        retryable: bool | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code or type(self).code
        self.exit_code = exit_code
        self.retryable = retryable


class NotRecordedError(TooltrailError):
    """The log could not be written; `path` says which log, `reason` why."""

    code = "NOT_RECORDED"

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class UsageError(TooltrailError):
    """A value on the command line that a reading command cannot use."""

    code = "USAGE_ERROR"
    exit_code = 2


class NotFoundError(UsageError):
    """No log knows the id that was asked for."""

    code = "NOT_FOUND"
    exit_code = 1

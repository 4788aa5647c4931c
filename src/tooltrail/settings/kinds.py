"""What can be configured beyond a plain value: levels, retention, redaction, propagation."""


class Rule:
    """A recording level for the calls that it matches; None matches every call."""

    __slots__ = ("command", "level", "operator", "tool")

    def __init__(
        self,
        level: str,
        tool: str | None = None,
        command: str | None = None,
        operator: str | None = None,
    ) -> None:
        self.level = level
        self.tool = tool
        self.command = command
        self.operator = operator

    def matches(self, tool: str, command: str | None, operator: str | None) -> bool:
        """Tell whether the rule is about this call; a command stands for its subcommands too."""
        return (
            _matches(self.tool, tool)
            and (_matches(self.command, command) or _matches(f"{self.command} *", command))
            and _matches(self.operator, operator)
        )


def _matches(pattern: str | None, text: str | None) -> bool:
    """Match as fnmatch(3) does, case and all; what is not known is matched by `*` alone."""
    if pattern is None or pattern == text:
        return True
    from fnmatch import fnmatchcase

    return fnmatchcase(text or "", pattern)


class Retention:
    """Which sealed segments a reading command may delete; None sets no limit."""

    __slots__ = ("max_age_s", "max_bytes", "max_segments")

    def __init__(
        self,
        max_bytes: int | None = None,
        max_segments: int | None = None,
        max_age_s: int | None = None,
    ) -> None:
        self.max_bytes = max_bytes
        self.max_segments = max_segments
        self.max_age_s = max_age_s


class RedactionRules:
    """What is added to the rules of redaction that are built in."""

    __slots__ = ("names", "prefixes", "spare", "strict")

    def __init__(
        self,
        *,
        strict: bool = False,
        names: tuple[str, ...] = (),
        spare: tuple[str, ...] = (),
        prefixes: tuple[str, ...] = (),
    ) -> None:
        self.strict = strict  # also the parent specification's plain substrings
        self.names = names  # of params, flags and variables that hold a secret here
        self.spare = spare  # of those that do not, though they sound like it
        self.prefixes = prefixes  # what starts with one of these is a key


class Propagation:
    """Which hosts learn of a call from the headers of its HTTP requests, and by which headers."""

    __slots__ = ("_endings", "request_id", "to")

    def __init__(self, to: tuple[str, ...], request_id: bool = False) -> None:
        self.to = to
        self._endings = tuple(pattern[1:] for pattern in to if pattern.startswith("*"))
        self.request_id = request_id  # whether `X-Request-ID` goes out beside `traceparent`

    def allows(self, host: str) -> bool:
        """Tell whether a host is one of them: as it is named, or below `*.corp.example`.

        `host` is in lower case, without port, brackets and a dot at its end.
        """
        return bool(host) and (host in self.to or host.endswith(self._endings))

"""Time and identity: the two things about a call that come from outside.

`tooltrail.testing.fixed` replaces the three functions below, so nothing else
in the package may ask the operating system for time or randomness.
"""

import time
from os import urandom

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def wall_ns() -> int:
    """Return the wall clock, in nanoseconds since 1970-01-01 UTC."""
    return time.time_ns()


def monotonic_ns() -> int:
    """Return a clock that never goes back, in nanoseconds, for durations only."""
    return time.monotonic_ns()


def randomness(size: int) -> bytes:
    """Return `size` random bytes from the operating system."""
    return urandom(size)


def timestamp(ns: int) -> str:
    """Write a wall-clock time as ISO 8601 UTC with milliseconds: 2026-11-22T14:30:00.000Z."""
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1_000_000:03d}Z"


def ulid(ns: int) -> str:
    """Make a ULID: 26 characters of Crockford's base 32, the first ten of them the time in ms.

    Source: https://github.com/ulid/spec.
    """
    number = (ns // 1_000_000 << 80) | int.from_bytes(randomness(10), "big")
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def request_id(ns: int) -> str:
    """Make the id of one call: `req_` and a ULID."""
    return "req_" + ulid(ns)


def trace_id() -> str:
    """Make a trace id: 32 hex digits, so that it is a W3C trace id as it stands."""
    return randomness(16).hex()

"""Read the times that people write: `90s`, `15m`, `1h30m`, `2d`, ISO 8601, `today`."""

import re
from datetime import UTC, datetime, timedelta

from .. import _host
from ..errors import UsageError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"-?((?:\d{1,9}(?:\.\d{1,3})?[smhdw])+)")
_SHORT_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)ms|(\d{1,9}(?:\.\d{1,3})?)")
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])")
# By which a clock may have been put back during a call. It matters only where no begin line was
# written: the times of a log's lines never go back.
_CLOCK_MARGIN = timedelta(minutes=1)
_HINT = (
    "give a duration back from now (90s, 15m, 1h, 2d), an ISO 8601 time"
    " (2026-11-22, 2026-11-22T14:30:00Z; without an offset it is local time),"
    " or now, today, yesterday"
)


def parse_time(option: str, text: str) -> str:
    """Return a time as the log writes it: ISO 8601 UTC with milliseconds.

    Raises `UsageError`, which names the option, where the text is no time.
    """
    now = datetime.fromtimestamp(_host.wall_ns() / 1e9, UTC)
    try:
        return written(_parse(text.strip(), now))
    except (ValueError, OverflowError):
        raise UsageError(f"{option}: {text[:80]!r} is not a time", hint=_HINT) from None


def parse_duration(option: str, text: str) -> int:
    """Return a duration in ms: `500ms`, `2s`, `1m30s`, or a plain number of seconds.

    Raises `UsageError`, which names the option, where the text is none.
    """
    found = _SHORT_DURATION.fullmatch(text.strip())
    if found is not None and found[1]:
        return int(float(found[1]))
    if found is not None and found[2]:
        return int(float(found[2]) * 1000)
    parts = _DURATION.fullmatch(text.strip())
    if parts is None or text.strip().startswith("-"):
        raise UsageError(f"{option}: {text[:80]!r} is not a duration", hint="write 500ms, 2s or 5m")
    spans = (timedelta(**{_UNITS[unit]: float(count)}) for count, unit in _PART.findall(parts[1]))
    return int(sum(spans, timedelta()).total_seconds() * 1000)


def earlier(moment: str, *, hours: int = 0) -> str:
    """Return a time so many hours, or a minute, before another, as the log writes them."""
    back = timedelta(hours=hours) if hours else _CLOCK_MARGIN
    return written(datetime.fromisoformat(moment) - back)


def written(moment: datetime) -> str:
    """Return a time as the log writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _parse(text: str, now: datetime) -> datetime:
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    named = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if text.lower() in named:
        return named[text.lower()]
    duration = _DURATION.fullmatch(text)
    if duration:
        parts = _PART.findall(duration[1])
        return now - sum(
            (timedelta(**{_UNITS[unit]: float(count)}) for count, unit in parts), timedelta()
        )
    return datetime.fromisoformat(text)

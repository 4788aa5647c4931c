"""Read the times that servers write."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from ..errors import UsageError

_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_CLF = re.compile(
    r"(\d{1,2})/([^/\s]{1,12})/(\d{4})[: ](\d\d):(\d\d):(\d\d)(\.\d{1,9})?"
    r"(?:\s?([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_SYSLOG = re.compile(r"([A-Za-z]{3})\s{1,2}(\d{1,2}) (\d\d):(\d\d):(\d\d)(\.\d{1,9})?", re.ASCII)
_ISO = re.compile(r"\d{4}-?\d\d-?\d\d[T ]\d\d", re.ASCII)
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,30})?", re.ASCII)
_FLOAT = re.compile(r"\d(?:\.\d{1,30})?[eE]\+?(\d{1,2})", re.ASCII)  # 1.79535780025e+18
_SCALES = {19: 1e9, 18: 1e9, 16: 1e6, 15: 1e6, 13: 1e3, 12: 1e3}  # by how many digits are whole
_FINEST = {True: 1e-6, False: 1e-9}  # of a float, and of digits


class Moment:
    """A time in seconds since 1970, and how fine it is: 1.0 where it says whole seconds."""

    __slots__ = ("at", "fineness", "no_year", "no_zone")

    def __init__(
        self, at: float, fineness: float, *, no_zone: bool = False, no_year: bool = False
    ) -> None:
        self.at = at
        self.fineness = fineness
        self.no_zone = no_zone  # taken for UTC
        self.no_year = no_year  # taken from the calls


class OtherMonthError(UsageError):
    """A month that is none of the English names that servers write."""


@lru_cache(1024)  # many lines of a log are of the same second
def read_time(text: str, around: float) -> Moment | None:
    """Return a server's time, or None. `around` tells the year where the text has none.

    Raises `OtherMonthError` for a common-log time whose month is in another language.
    """
    text = text.strip().strip("[]")
    for read in (_read_clf, _read_iso, _read_number):
        found = read(text)
        if found is not None:
            return found
    return _read_syslog(text, around)


def _read_clf(text: str) -> Moment | None:
    found = _CLF.fullmatch(text)
    if found is None:
        return None
    day, month, year, hour, minute, second, part, sign, zone_h, zone_m = found.groups()
    if month.title() not in _MONTHS:
        raise OtherMonthError(
            f"the month {month!r} is not one of {', '.join(_MONTHS)}",
            hint="the server writes times in another language: set its locale to C, or have it"
            " write ISO 8601",
        )
    zone: tzinfo = UTC
    if sign:
        away = timedelta(hours=int(zone_h), minutes=int(zone_m))
        zone = timezone(away if sign == "+" else -away) if away < timedelta(hours=24) else zone
    try:
        moment = datetime(
            int(year), _MONTHS.index(month.title()) + 1, int(day), int(hour), int(minute),
            min(int(second), 59), tzinfo=zone,
        )  # fmt: skip
    except ValueError:
        return None
    return Moment(moment.timestamp() + float(part or 0), _fineness(part), no_zone=sign is None)


def _read_iso(text: str) -> Moment | None:
    if not _ISO.match(text):
        return None
    head, dot, tail = text.replace(",", ".").partition(".")
    digits = len(tail) - len(tail.lstrip("0123456789"))
    if dot:
        text = f"{head}.{tail[:digits][:6]:0<6}{tail[digits:]}"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    no_zone = moment.tzinfo is None
    moment = moment.replace(tzinfo=UTC) if no_zone else moment
    return Moment(moment.timestamp(), 10.0 ** -min(digits, 6) if dot else 1.0, no_zone=no_zone)


def _read_number(text: str) -> Moment | None:
    floating = _FLOAT.fullmatch(text)
    if floating is None and not _NUMBER.fullmatch(text):
        return None
    whole, _, part = text.partition(".")
    digits = int(floating[1]) + 1 if floating else len(whole)
    scale = _SCALES.get(digits, 1.0)
    if digits < 9 or (digits > 10 and scale == 1.0):
        return None
    if floating or scale > 1:
        fineness = 1 / scale if scale > 1 else 1.0
    else:
        fineness = _fineness(part and f".{part}")
    return Moment(float(text) / scale, max(fineness, _FINEST[floating is not None]))


def _read_syslog(text: str, around: float) -> Moment | None:
    found = _SYSLOG.fullmatch(text)
    if found is None or found[1].title() not in _MONTHS:
        return None
    month = _MONTHS.index(found[1].title()) + 1
    year = datetime.fromtimestamp(around, UTC).year
    moments = []
    for each in (year - 1, year, year + 1):
        try:
            made = datetime(
                each, month, int(found[2]), int(found[3]), int(found[4]), int(found[5]), tzinfo=UTC
            )
        except ValueError:
            continue
        moments.append(made.timestamp() + float(found[6] or 0))
    if not moments:
        return None
    nearest = min(moments, key=lambda at: abs(at - around))
    return Moment(nearest, _fineness(found[6]), no_zone=True, no_year=True)


def _fineness(part: str | None) -> float:
    return 10.0 ** -(len(part) - 1) if part else 1.0

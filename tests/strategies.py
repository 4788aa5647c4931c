"""What the property tests draw from: JSON values, Python's other values, callers' ids, secrets."""

import datetime
import decimal
import enum
import string
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

settings.register_profile("tooltrail", deadline=None)  # no test depends on the machine's speed
settings.load_profile("tooltrail")

# Text as programs meet it: control characters, ANSI, bidi marks, and, as lone surrogates, bytes
# that were not UTF-8.
wild_text = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cs"]),
        st.sampled_from('\n\r\t\x00\x1b\x7f\x9b\u2028\u202e\u2066\ufeff\udce9\ud800"\\/'),
    ),
    max_size=60,
)
clean_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)

ids = st.one_of(
    wild_text,
    st.builds(lambda text, times: text * times, wild_text, st.integers(0, 40)),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=250, max_size=262),
)
printable_ids = ids.filter(str.isprintable).map(lambda text: text[:256])

json_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-(10**600), max_value=10**600),
    st.floats(allow_nan=False, allow_infinity=False),
    clean_text,
)


def nested(leaves: "st.SearchStrategy[Any]", keys: "st.SearchStrategy[Any]") -> Any:
    """Return lists and objects of `leaves`, at any depth."""
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)
        ),
        max_leaves=20,
    )


json_values = nested(json_leaves, clean_text)


class Colour(enum.Enum):
    """An enumeration of text."""

    RED = "red"


class Level(enum.IntEnum):
    """An enumeration of numbers."""

    LOW = 1


@dataclass
class Point:
    """A dataclass that holds anything."""

    x: Any
    y: Any = None


class Broken:
    """An object that cannot say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    def __repr__(self) -> str:
        return "Broken()"


class Secretive:
    """An object whose unknown attributes fail with an error that `hasattr` lets through."""

    def __getattr__(self, name: str) -> Any:
        raise OSError(name)

    def __repr__(self) -> str:
        return "Secretive()"


def _cycle(kind: str) -> Any:
    if kind == "list":
        rows: list[Any] = [1]
        rows.append(rows)
        return rows
    if kind == "dict":
        table: dict[str, Any] = {"a": 1}
        table["self"] = table
        return table
    point = Point(1)
    point.y = [point]
    return point


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


cycles = st.sampled_from(["list", "dict", "dataclass"]).map(_cycle)
python_leaves = st.one_of(
    json_leaves,
    wild_text,
    st.floats(),
    st.integers(min_value=5000, max_value=20000).map(lambda digits: 10**digits),
    st.binary(max_size=20),
    st.binary(max_size=20).map(bytearray),
    st.binary(max_size=20).map(memoryview),
    clean_text.map(PurePosixPath),
    st.datetimes(),
    st.dates(),
    st.timedeltas(),
    st.decimals(),
    st.complex_numbers(),
    st.sampled_from([Colour.RED, Level.LOW, Colour, Level, Point, len, ..., NotImplemented]),
    st.builds(Broken),
    st.builds(Secretive),
    st.builds(object),
    st.sampled_from([decimal.Decimal("sNaN"), datetime.UTC]),
    st.frozensets(st.one_of(st.integers(), clean_text), max_size=4),
    st.sets(clean_text, max_size=3),
    st.builds(Point, clean_text, wild_text),
    st.builds(lambda: iter([1, 2])),
    st.builds(lambda: (n for n in range(3))),
    cycles,
    st.sampled_from([150, 250, 5000]).map(_deep),
)
python_keys = st.one_of(
    wild_text,
    st.integers(),
    st.booleans(),
    st.none(),
    st.floats(),
    st.tuples(st.integers(), clean_text),
    st.binary(max_size=4),
    st.just(Colour.RED),
)
python_values = st.recursive(
    python_leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(python_keys, inner, max_size=4),
        st.builds(Point, inner, inner),
    ),
    max_leaves=12,
)

# A secret: letters and digits, at least one of each kind, so that no ordinary word is one.
secrets = st.builds(
    lambda head, body: head + body + "7q",
    st.sampled_from(["Z", "k9", "0x"]),
    st.text(string.ascii_letters + string.digits, min_size=6, max_size=40),
)
secret_names = st.sampled_from(
    [
        "password",
        "api_key",
        "apiKey",
        "API-KEY",
        "X-Api-Key",
        "db_password",
        "DB_PASSWORD",
        "authToken",
        "AWS_SECRET_ACCESS_KEY",
        "client_secret",
        "github_token",
        "private_key",
        "credentials",
        "passphrase",
    ]
)
plain_names = st.sampled_from(["author", "name", "items", "env", "keyboard", "config", "n", "x-y"])

_words = st.sampled_from(
    [
        "deploy",
        "to",
        "staging,",
        "author",
        "monkey",
        "42",
        "--verbose",
        "a/b.py",
        "n=3",
        "it's",
        '"quoted"',
        "(see",
        "#12)",
        "50%",
        "é",
        "https://example.org/a?b=c",
    ]
)
prose = st.lists(_words, max_size=12).map(" ".join)

# The ways in which one secret gets into an argument of its own.
CARRIERS = {
    "assignment": "{name}={secret}",
    "header": "Authorization: Bearer {secret}",
    "other header": "{name}: {secret}",
    "cookie": "Cookie: sid={secret}; theme=dark",
    "URL": "https://me:{secret}@example.org/x",
    "database URL": "postgresql://me:{secret}@db:5432/x?sslmode=require",
    "JSON": '{{"user": "me", "{name}": "{secret}", "n": 1}}',
    "compact JSON": '{{"user":"me","{name}":"{secret}"}}',
    "Python": "login(user='me', {name}='{secret}')",
    "shell": "export {name}={secret}; run",
    "form": "user=me&{name}={secret}&n=1",
    "first of a query": "https://example.org/x?{name}={secret}&n=1",
    "later in a query": "https://example.org/x?n=1&{name}={secret}",
    "flag with value": "--{name}={secret}",
    "option of an option": "--env={name}={secret}",
}
carriers = st.sampled_from(sorted(CARRIERS.values()))

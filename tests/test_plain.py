"""Values that JSON cannot hold: each kind has one documented form, and none can do harm.

The forms are those of pydantic's JSON mode, wherever that has one: docs/nasty-tools.md.
"""

import array
import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import ipaddress
import json
import pathlib
import re
import sqlite3
import subprocess
import sys
import types
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import attrs
import click
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import v1

from conftest import PYTHON, Home, response_in
from strategies import Broken, Colour, Level, Point, Secretive, wild_text
from test_encode import read
from tooltrail._plain import encode_any, key, plain, settle


class Pair(NamedTuple):
    """A tuple with names."""

    left: Any
    right: Any


@attrs.define
class Crate:
    """An attrs class that holds anything, without a `__dict__`."""

    content: Any = None
    label: str = "x"


class Model(pydantic.BaseModel):
    """A model that holds anything."""

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    content: Any = None
    password: pydantic.SecretStr = pydantic.SecretStr("hunter2hunter2")


class OldModel(v1.BaseModel):
    """A model of pydantic's first version."""

    content: Any = None
    password: v1.SecretStr = v1.SecretStr("hunter2hunter2")


class ApiKey(pydantic.SecretStr):
    """A secret under another name."""


class Mood(enum.Flag):
    """An enumeration of bits."""

    GOOD = 1
    BAD = 2


@dataclasses.dataclass
class Node:
    """A dataclass that may hold itself, with what is no field of it."""

    COUNT: ClassVar[int] = 3
    name: str
    next: Any = None
    unset: Any = dataclasses.field(init=False)


class Words(Sequence[str]):
    """A sequence that is no list."""

    def __getitem__(self, index: Any) -> Any:
        return ["a", "b"][index]

    def __len__(self) -> int:
        return 2


class Table(Mapping[str, Any]):
    """A mapping that is no dict, of which one member cannot be had."""

    def __getitem__(self, name: str) -> Any:
        if name == "bad":
            raise RuntimeError("no")
        return {"good": 1}[name]

    def __iter__(self) -> Iterator[str]:
        return iter(["good", "bad"])

    def __len__(self) -> int:
        return 2


def row() -> Any:
    """Return a row of a real database."""
    base = sqlite3.connect(":memory:")
    base.row_factory = sqlite3.Row
    try:
        return base.execute("select 1 as id, 'x' as name").fetchone()
    finally:
        base.close()


NOON = datetime.datetime(2026, 11, 22, 12, 0, 0, 5, tzinfo=datetime.UTC)
IDENTITY = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (NOON, "2026-11-22T12:00:00.000005+00:00"),
        (NOON.date(), "2026-11-22"),
        (NOON.time(), "12:00:00.000005"),
        (datetime.timedelta(days=1, seconds=7290, microseconds=500_000), "P1DT2H1M30.5S"),
        (datetime.timedelta(0), "PT0S"),
        (datetime.timedelta(seconds=-1), "-PT1S"),
        (pathlib.Path("/a/b"), "/a/b"),
        (pathlib.PureWindowsPath("C:/a"), "C:\\a"),
        (b"caf\xc3\xa9 \xff", "caf\u00e9 \\xff"),
        (bytearray(b"x"), "x"),
        (memoryview(b"xyz")[::2], "xz"),
        (decimal.Decimal("1.10"), "1.10"),
        (decimal.Decimal("NaN"), "NaN"),
        (fractions.Fraction(1, 3), "1/3"),
        (1 + 2j, "1+2j"),
        (IDENTITY, "12345678-1234-5678-1234-567812345678"),
        (ipaddress.ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (re.compile("a+"), "a+"),
        ({3, 10, 2, "b", "a", (2, 1), None}, [2, 3, 10, "a", "b", [2, 1], None]),
        (frozenset({frozenset({2, 1}), frozenset()}), [[1, 2], []]),
        (Colour.RED, "red"),
        (Level.LOW, 1),
        (Mood.GOOD | Mood.BAD, 3),
        (Point(Colour.RED, [Point(1)]), {"x": "red", "y": [{"x": 1, "y": None}]}),
        (Node("n"), {"name": "n", "next": None}),
        (Crate(Crate(b"x")), {"content": {"content": "x", "label": "x"}, "label": "x"}),
        (Model(content=NOON.date()), {"content": "2026-11-22", "password": "[REDACTED]"}),
        (OldModel(content={1}), {"content": [1], "password": "[REDACTED]"}),
        (Model(content=object), {"content": "<class 'object'>", "password": "[REDACTED]"}),
        (pydantic.RootModel[list[int]]([1]), [1]),
        (ApiKey("hunter2hunter2"), "[REDACTED]"),
        (Pair(1, Pair(2, 3)), [1, [2, 3]]),
        (float("nan"), "nan"),
        (-float("inf"), "-inf"),
        (10**400, 10**400),
        (1 << 5000, hex(1 << 5000)),
        ("a\ud800b\udcff", "a\\ud800b\\xff"),
        (
            {1: "a", "1": "b", 1.5: "c", None: 0, False: 9},
            {"1": "a", "1_2": "b", "1.5": "c", "null": 0, "false": 9},
        ),
        ({(1, 2): 0, NOON.date(): 1, b"k": 2}, {"[1,2]": 0, "2026-11-22": 1, "k": 2}),
        (array.array("i", [1, 2]), [1, 2]),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [["a", 1]]),
        (collections.ChainMap({"a": 1}), {"a": 1}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.UserDict({"a": {1}}), {"a": [1]}),
        (types.SimpleNamespace(a=1), {"a": 1}),
        (Words(), ["a", "b"]),
        (Table(), {"good": 1, "bad": "[RuntimeError]"}),
        (row(), {"id": 1, "name": "x"}),
        (range(10**12), "range(0, 1000000000000)"),
        (iter([1]), "<list_iterator object>"),
        (ValueError("no"), "ValueError: no"),
        (KeyError(), "KeyError"),
        (object(), "<object object>"),
        (len, "<built-in function len>"),
        (int, "<class 'int'>"),
        (asyncio.sleep, "<function sleep>"),
        (Broken(), "[Broken: RuntimeError in str()]"),
        (Secretive(), "Secretive()"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_kind_of_value_has_its_form(value: Any, form: Any) -> None:
    """The same as data, as a param, alone and inside other values."""
    assert plain(value) == form
    assert json.loads(encode_any(value)) == form
    assert settle([value]) == ([form], False)
    assert plain(Point(value)) == {"x": form, "y": None}


def test_files_are_their_names(tmp_path: pathlib.Path) -> None:
    """Open ones, and Click's lazy ones, which stay unopened and whole."""
    path = tmp_path / "x"
    path.write_text("content")
    lazy = click.File("w", lazy=True).convert(str(path), None, None)
    with path.open() as text, path.open("rb") as binary:
        assert plain([text, binary, lazy]) == [str(path)] * 3
    assert path.read_text() == "content"


@pytest.mark.filterwarnings("ignore:coroutine 'later' was never awaited")
def test_generators_and_coroutines_are_named_and_not_run() -> None:
    """Reading them would take from the tool what they yield."""
    ran = []

    def lines() -> Iterator[int]:
        ran.append(1)
        yield 1

    async def later() -> None:
        ran.append(1)

    waiting = later()
    made = plain([lines(), waiting, Model(content=lines())])
    waiting.close()
    assert not ran
    assert made[0].startswith("<generator object")
    assert made[1].startswith("<coroutine object")
    assert " at 0x" not in str(made)


WHAT_PYDANTIC_HAS = st.one_of(
    st.timedeltas(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=st.none()),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.ip_addresses(),
    st.builds(lambda a, b: complex(a / 4, b / 4), st.integers(-999, 999), st.integers(-999, 999)),
    st.builds(pathlib.PurePosixPath, st.text(st.characters(codec="ascii"), max_size=9)),
    st.text(max_size=9).map(str.encode),
    st.sampled_from([Colour.RED, Level.LOW]),
    st.builds(Pair, st.integers(), st.text(max_size=3)),
)


@given(WHAT_PYDANTIC_HAS)
def test_the_forms_are_those_of_pydantics_json_mode(value: Any) -> None:
    """Whatever pydantic itself writes of a standard type is what we write."""
    theirs = json.loads(pydantic.TypeAdapter(type(value)).dump_json(value))
    assert plain(value) == theirs


# -- what values may do to us


def test_what_holds_itself_is_cut_where_it_does() -> None:
    """Lists, dicts, dataclasses, attrs classes and models."""
    node, crate, model = Node("n"), Crate(), Model()
    node.next, crate.content, model.content = [node], {"in": crate}, model
    assert plain(node) == {"name": "n", "next": ["[holds itself]"]}
    assert plain(crate)["content"] == {"in": "[holds itself]"}
    assert "[holds itself]" in json.dumps(plain(model))
    branching: list[Any] = []
    branching += [branching, branching]
    assert plain(branching) == ["[holds itself]"] * 2


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: {"k": v}, Point, Crate, lambda v: (v,)])
def test_ten_thousand_levels_are_cut_at_two_hundred(wrap: Any) -> None:
    """Deeper than any reader of JSON follows."""
    value: Any = "bottom"
    for _ in range(10_000):
        value = wrap(value)
    assert "[nested too deeply]" in encode_any(value)
    read(encode_any(value))


class Everything:
    """An object whose every method raises; and so does what asks about its class."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __bool__(self) -> bool:
        raise RuntimeError

    __str__ = __repr__ = __iter__ = __len__ = __hash__ = __eq__ = __bool__  # type: ignore[assignment]
    __getitem__ = __bool__


class Panic(BaseException):
    """What Rust code raises where it fails."""


class Panics:
    """An object that fails with what no `except Exception` catches."""

    def __str__(self) -> str:
        raise Panic

    def isoformat(self) -> str:
        raise Panic


class Leaves:
    """An object that ends the program when it is looked at."""

    @property
    def content(self) -> Any:
        raise SystemExit(3)

    def __repr__(self) -> str:
        return str(sys.exit(3))


class Liar:
    """An object that says it is a text."""

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return str


class Meta(type):
    """A class of classes that know nothing of themselves."""

    def __getattribute__(cls, name: str) -> Any:
        raise RuntimeError(name)


class Unknown(metaclass=Meta):
    """An object of such a class."""


@pytest.mark.parametrize(
    "made",
    [lambda kind=kind: kind() for kind in (Everything, Panics, Leaves, Liar, Unknown)]
    + [lambda: Unknown],
    ids=["raises", "panics", "exits", "lies", "knows nothing", "class"],
)
@pytest.mark.parametrize("at", [lambda v: v, lambda v: {"a": v, "b": [v]}, Point, Crate, Model])
def test_an_object_that_misbehaves_harms_nothing(made: Any, at: Any) -> None:
    """It is named as far as it can be, and what is beside it is written."""
    value = at(content=made()) if at is Model else at(made())
    read(encode_any([value, "beside"]))
    assert plain(["beside", value])[0] == "beside"


def test_a_ctrl_c_is_none_of_a_values() -> None:
    """It arrives in the middle of the conversion, and goes on."""

    class Slow:
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        plain([Slow()])


class Endless:
    """An object that turns into ever more of itself."""

    def keys(self) -> list[str]:
        return ["a", "b"]

    def __getitem__(self, name: str) -> "Endless":
        return Endless()


class Wide(Mapping[str, int]):
    """A mapping whose names have no end."""

    def __iter__(self) -> Iterator[str]:
        number = 0
        while True:
            yield str(number := number + 1)

    def __getitem__(self, name: str) -> int:
        return 1

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    "made", [Endless, Wide, lambda: [Endless(), 1]], ids=["deep", "wide", "in"]
)
def test_an_object_without_end_is_cut_and_what_is_beside_it_is_kept(made: Any) -> None:
    """A note stands where it was cut off; the size is bounded."""
    text = json.dumps(plain([made(), "beside"]))
    assert "[cut off" in text
    assert "beside" in text
    assert len(text) < 20_000_000


def test_a_small_list_that_unfolds_into_a_huge_one_is_cut() -> None:
    """Ten lists, each of which holds the one before ten times: ten thousand million values."""
    value: Any = ["x"]
    for _ in range(10):
        value = [value] * 10
    assert "[cut off" in json.dumps(plain(value))


def test_data_that_is_merely_large_is_not_cut() -> None:
    """Three million values that are in memory already, and half a million rows of objects."""
    rows = [[number, str(number), None] for number in range(700_000)]
    settled, cut = settle(rows)
    assert (settled == rows, cut) == (True, False)
    settled, cut = settle([Point(number) for number in range(500_000)])
    assert (len(settled), settled[-1], cut) == (500_000, {"x": 499_999, "y": None}, False)


# -- laws

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=1 << 4000, max_value=1 << 5000),
    st.floats(),
    st.complex_numbers(),
    wild_text,
    st.binary(max_size=9),
    st.datetimes(timezones=st.timezones()),
    st.timedeltas(),
    st.decimals(),
    st.fractions(),
    st.uuids(),
    st.sampled_from([Colour.RED, Level.LOW, Mood.BAD, int, len, range(3), ValueError("x")]),
    st.builds(Broken),
    st.builds(Secretive),
    st.builds(lambda: Everything()),
    st.builds(lambda: Panics()),
    st.builds(lambda: Liar()),
    st.builds(lambda: Unknown()),
    st.builds(Words),
    st.builds(Table),
    st.builds(pathlib.PurePosixPath, st.just("/x")),
    st.builds(lambda items: iter(items), st.lists(st.integers(), max_size=2)),
    st.builds(pydantic.SecretStr, st.text(max_size=5)),
)
hashable = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), wild_text, st.binary(max_size=3),
    st.dates(), st.uuids(), st.tuples(st.integers(0, 3)), st.frozensets(st.text(max_size=2)),
)  # fmt: skip


def _containers(inner: "st.SearchStrategy[Any]") -> "st.SearchStrategy[Any]":
    return st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(hashable, inner, max_size=3),
        st.sets(hashable, max_size=4),
        st.tuples(inner, inner),
        st.builds(Pair, inner, inner),
        st.builds(Point, inner, inner),
        st.builds(Node, st.just("n"), inner),
        st.builds(Crate, inner),
        inner.map(lambda value: Model(content=value)),
        inner.map(lambda value: OldModel(content=value)),
        inner.map(lambda value: types.SimpleNamespace(value=value)),
        inner.map(lambda value: collections.deque([value])),
        inner.map(lambda value: collections.UserDict({"value": value})),
    )


anything = st.recursive(leaves, _containers, max_leaves=12)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(anything)
def test_any_value_becomes_json_once_and_for_all(value: Any) -> None:
    """One line of ASCII that any reader takes, and that is its own form; no exception."""
    text = encode_any(value)
    back = read(text)
    made = plain(value)
    assert read(encode_any(made)) == back
    assert plain(made) == made
    assert encode_any(made) == text
    assert settle(made) == (made, False)


@given(st.dictionaries(hashable, st.integers(), max_size=6))
def test_no_member_is_lost_to_another_of_the_same_name(value: dict[Any, int]) -> None:
    """Names that are the same as text are told apart."""
    assert sorted(plain(value).values()) == sorted(value.values())


@given(hashable)
def test_every_name_is_text(name: Any) -> None:
    """And text that needs no escaping but JSON's own."""
    assert key(name).encode("utf-8").decode("utf-8") == key(name)


def test_the_digest_is_the_same_on_every_run(home: Home) -> None:
    """Neither the hash seed nor where objects are in memory shows in it."""
    code = """
import functools, uuid, decimal, dataclasses, enum, tooltrail
class Thing: pass
@dataclasses.dataclass(frozen=True)
class Spot:
    x: object
    def __hash__(self): return hash(str(self.x))
things = {"a", "b", "c", 1, 2.5, None, (1, "x"), frozenset("xyz"), Spot("q"), Spot(frozenset("pq"))}
data = [things, {frozenset("abc"): 1}, Thing(), Thing, len, lambda: 0, functools.partial(Thing),
        Thing().__init__, (n for n in "x"), iter("x"), ValueError("no"), {Thing(): 1}]
with tooltrail.invocation("same", params={"given": data}, envelope=True) as call:
    call.data = data
"""
    seen = set()
    for seed in ("0", "1", "2", "3"):
        done = home.python(code, env={"PYTHONHASHSEED": seed})
        assert response_in(done.stdout)["ok"] is True
        end = home.events("same", "end")[-1]
        seen.add((end["output"]["data_sha256"], json.dumps(end["params"])))
    assert len(seen) == 1


def test_plain_values_load_nothing_of_this(home: Home) -> None:
    """The path of an ordinary call is as it was: neither module is imported on it."""
    code = (
        "import sys, tooltrail\n"
        "with tooltrail.invocation('x', params={'a': [1, 'b', None], 'c': True}): pass\n"
        "print([name for name in sys.modules if name.startswith('tooltrail._plain')])"
    )
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

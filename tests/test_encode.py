"""Values to JSON: one line of ASCII, whatever the value."""

import datetime
import decimal
import enum
import inspect
import json
import subprocess
import sys
from pathlib import PurePosixPath
from typing import Any, NoReturn

import pytest
from hypothesis import given

from conftest import PYTHON
from strategies import Broken, Colour, Point, json_values, python_values
from tooltrail._encode import encode, printable, sha256
from tooltrail._plain import encode_any, encode_parsed


def refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def read(line: str) -> Any:
    """Read a line as a strict reader does: no NaN, no line break, ASCII alone."""
    assert line.isascii()
    assert "\n" not in line
    assert not any(ord(char) < 0x20 for char in line)
    return json.loads(line, parse_constant=refuse)


@given(json_values)
def test_what_json_holds_comes_back_as_it_was(value: Any) -> None:
    """For plain JSON values, reading what was written gives the value, type for type."""
    back = read(encode(value))
    assert back == value
    assert repr(back) == repr(value)


@given(python_values)
def test_any_value_becomes_one_line_of_ascii_json(value: Any) -> None:
    """Nothing raises: surrogates, NaN, cycles, bytes, objects without words, deep nesting."""
    read(encode(value))


@given(python_values)
def test_what_was_written_once_is_written_the_same_again(value: Any) -> None:
    """What a reader got out of a line makes that line again, but for the digits of a float."""
    back = read(encode(value))
    assert read(encode(back)) == back


@given(python_values)
def test_what_was_parsed_is_written_as_it_was_read(value: Any) -> None:
    """Without a look at what it is made of; what is too deep may become the note that says so."""
    back = read(encode(value))
    line = encode_parsed(back)
    assert read(line) == back or line == encode_any(back)


@pytest.mark.parametrize("text", ['"\\udc80"', '{"a": "\\ud83d"}', "[NaN, -Infinity]"])
def test_of_what_other_writers_wrote_it_makes_json(text: str) -> None:
    """Their lone surrogates and their numbers that are none."""
    parsed = json.loads(text)
    read(encode_parsed(parsed))
    assert encode_parsed(parsed) == encode_any(parsed)


class Mode(str, enum.Enum):
    """Text that is an enumeration as well, as Click's and Typer's choices are."""

    FAST = "fast"


class Shout(str):
    """Text that cannot be turned into text."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class Odd(int):
    """A number that cannot be turned into one."""

    def __int__(self) -> int:
        raise RuntimeError("no number")


class Table(dict[str, int]):
    """An object whose items cannot be had."""

    def items(self) -> Any:
        raise KeyError("gone")


class Rows(list[int]):
    """A list that cannot be walked."""

    def __iter__(self) -> Any:
        raise KeyError("gone")


class SecretStr:
    """A stand-in for pydantic's."""

    def __str__(self) -> str:
        return "the secret itself"


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (b"caf\xc3\xa9", '"caf\\u00e9"'),
        (b"caf\xe9", '"caf\\\\xe9"'),
        ("caf\udce9", '"caf\\\\xe9"'),
        ("\ud800", '"\\\\ud800"'),
        ("\U0001f600", '"\\ud83d\\ude00"'),
        ("\x1b[31m\u202e\n", '"\\u001b[31m\\u202e\\n"'),
        (PurePosixPath("/a/b"), '"/a/b"'),
        (
            datetime.datetime(2026, 11, 22, 14, 30, tzinfo=datetime.UTC),
            '"2026-11-22T14:30:00+00:00"',
        ),
        (datetime.date(2026, 11, 22), '"2026-11-22"'),
        (Colour.RED, '"red"'),
        (Mode.FAST, '"fast"'),
        ([Mode.FAST, float("nan")], '["fast","nan"]'),
        (Point(1, [Colour.RED]), '{"x":1,"y":["red"]}'),
        ({3, 1, 2}, "[1,2,3]"),
        ((1, (2,)), "[1,[2]]"),
        (float("inf"), '"inf"'),
        (float("-inf"), '"-inf"'),
        (decimal.Decimal("1.10"), '"1.10"'),
        ({1: "a", None: "b"}, '{"1":"a","null":"b"}'),
        (SecretStr(), '"[REDACTED]"'),
        ({"token": SecretStr()}, '{"token":"[REDACTED]"}'),
        (Broken(), '"[Broken: RuntimeError in str()]"'),
        ({Broken(): 1}, '{"[Broken: RuntimeError in str()]":1}'),
    ],
)
def test_what_json_lacks_becomes_the_nearest_that_it_has(value: Any, line: str) -> None:
    """Each kind of value has one documented form."""
    assert encode(value) == line


@pytest.mark.parametrize(
    "value",
    [Shout("x"), Odd(3), Table(a=1), Rows([1]), {Shout("x"): 1}, {(1, 2): Broken()}],
    ids=["str", "int", "dict", "list", "key", "tuple key"],
)
@pytest.mark.parametrize("beside", [0, float("nan")], ids=["alone", "beside NaN"])
def test_subclasses_that_misbehave_are_written_all_the_same(value: Any, beside: float) -> None:
    """A subclass of a JSON type whose methods raise does not break the line."""
    read(encode([value, beside]))


def test_a_huge_integer_is_kept_as_hexadecimal_text() -> None:
    """Python refuses to write more than 4,300 decimal digits; no digit is lost all the same."""
    number = 7**10_000
    assert int(read(encode(number)), 16) == number


def test_an_iterator_is_named_and_not_read() -> None:
    """Reading it would take its items from the tool."""
    items = iter([1, 2, 3])
    assert "iterator" in read(encode(items))
    assert list(items) == [1, 2, 3]


def test_a_cycle_that_branches_ends() -> None:
    """A structure that holds itself twice is cut like one that holds itself once."""
    code = "from tooltrail._encode import encode; d = []; d += [d, d]; print(len(encode(d)))"
    done = subprocess.run(
        [PYTHON, "-c", code], capture_output=True, text=True, timeout=20, check=True
    )
    assert int(done.stdout) > 0


def test_a_call_deep_in_the_stack_still_writes() -> None:
    """A tool that is close to Python's recursion limit gets its line, or at least no error."""

    def deep(levels: int) -> str:
        return deep(levels - 1) if levels else encode({"a": [float("nan"), [[["x"]]]]})

    assert read(deep(sys.getrecursionlimit() - len(inspect.stack(0)) - 40))


@pytest.mark.parametrize("text", ["", "abc", "é\n\x00", "\U0001f600"])
def test_text_without_surrogates_is_unchanged(text: str) -> None:
    """`printable` touches lone surrogates alone."""
    assert printable(text) == text
    assert printable(text + "\udcff\ud800") == text + "\\xff\\ud800"


def test_sha256_is_the_one_of_the_standard() -> None:
    """The digest of the empty text and of `abc` are those of FIPS 180-4."""
    assert sha256().hexdigest().startswith("e3b0c44298fc1c14")
    assert sha256(b"abc").hexdigest().startswith("ba7816bf8f01cfea")

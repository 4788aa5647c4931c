"""What holds for every framework of values: those that go in, by name, and those that come out."""

import subprocess
from typing import Any

import pytest

from conftest import Home
from frameworks.tool import (
    DISTINCT,
    answer,
    bare,
    command_line,
    environment,
    having,
    kept_bytes,
    run,
    seen,
)

_TYPED = [framework for framework in having("types") if framework in DISTINCT]
CANARY = "canary-77aa01c3e9"
GIVEN = ["--count", "3", "--ratio", "0.5", "--color", "red", "--where", "/srv"]
GIVEN += ["--day", "2026-11-22"]
TYPED = {"count": 3, "ratio": 0.5, "color": "red", "where": "/srv", "names": ["a", "b"]}
DEFAULTS = {"count": 1, "ratio": 1.5, "color": "blue", "where": "here", "names": []}


@pytest.mark.parametrize("framework", _TYPED)
def test_params_keep_their_names_and_types(home: Home, framework: str) -> None:
    """Numbers are numbers; enums, paths and dates are what stands for them in JSON."""
    names = ["--names", "[a,b]"] if framework == "fire" else ["--names", "a", "--names", "b"]
    arguments = ["types", *GIVEN, *names]
    done = run(home, framework, "observe", *arguments)
    assert done.returncode == 0, done.stderr
    assert seen(done) == seen(bare(framework, *arguments))
    begin = home.events("spec", "begin")[-1]  # Fire begins anew for each callable that it meets
    for params in (begin["params"], home.end("spec")["params"]):
        assert {name: params[name] for name in TYPED} == TYPED
        assert [type(params[name]) for name in ("count", "ratio")] == [int, float]
        assert params["day"].startswith("2026-11-22")


@pytest.mark.parametrize("framework", _TYPED)
def test_params_that_nobody_gave_are_the_defaults(home: Home, framework: str) -> None:
    """An entry says with what the command ran, not only what was typed."""
    run(home, framework, "observe", "types")
    params = home.end("spec")["params"]
    assert {name: params[name] or [] for name in DEFAULTS} == DEFAULTS
    assert params["day"].startswith("2026-01-01")


_KINDS: dict[str, Any] = {
    "object": {"a": [1, {"b": None}], "c": True},
    "list": [1, "two", None],
    "text": "words",
    "nothing": None,
}


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("framework", DISTINCT)
def test_what_a_command_returns_is_the_data(home: Home, framework: str, kind: str) -> None:
    """As it is; what was printed meanwhile stands beside it."""
    response = answer(run(home, framework, "envelope", "give", kind))
    assert response["data"] == _KINDS[kind]
    assert response["warnings"] == [{"code": "STRAY_OUTPUT", "message": "giving\n"}]
    assert ("output" in home.end("spec")) == (kind != "nothing")


@pytest.mark.parametrize("framework", DISTINCT)
def test_what_json_cannot_hold_is_said_otherwise(home: Home, framework: str) -> None:
    """Dates, paths, sets, bytes, NaN and enums have a form; the call is a success."""
    response = answer(run(home, framework, "envelope", "give", "odd"))
    data = response["data"]
    assert data["when"] == "2026-11-22T00:00:00+00:00"
    assert (data["where"], data["some"], data["color"]) == ("/srv", [1, 2, 3], "red")
    assert (data["much"], data["raw"]) == ("nan", "\\xff")
    assert home.end("spec")["outcome"] == "success"


@pytest.mark.parametrize("framework", DISTINCT)
def test_what_never_ran_is_no_success(home: Home, framework: str) -> None:
    """A generator that is returned was not run; a cycle is cut, and said to be."""
    done = run(home, framework, "envelope", "give", "lazy")
    assert (done.returncode, answer(done)["error"]["code"]) == (1, "NOT_READ")
    assert home.end("spec")["exit_code"] == 1
    cycle = answer(run(home, framework, "envelope", "give", "cycle"))
    assert cycle["data"][0] == 1


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("framework", DISTINCT)
def test_an_observed_tool_returns_what_it_ever_did(home: Home, framework: str, kind: str) -> None:
    """Some frameworks print it, some look at it, some drop it: so they still do."""
    done = run(home, framework, "observe", "give", kind)
    assert seen(done) == seen(bare(framework, "give", kind))
    assert home.end("spec")["exit_code"] == done.returncode


@pytest.mark.parametrize("framework", DISTINCT)
def test_a_secret_that_is_typed_at_a_prompt_stays_unknown(home: Home, framework: str) -> None:
    """The framework's hidden prompt, or getpass: no byte of it is kept, in either mode."""
    done = {
        mode: subprocess.run(
            command_line(framework, "ask"),
            env=environment(home, framework, mode),
            input=f"{CANARY}\n".encode(),
            capture_output=True,
            timeout=60,
            check=False,
            start_new_session=True,  # no terminal to ask on
        )
        for mode in ("bare", "observe", "envelope")
    }
    assert seen(done["observe"]) == seen(done["bare"])
    assert b"got 17 characters" in done["bare"].stdout
    assert answer(done["envelope"])["ok"]
    assert {end["outcome"] for end in home.events("spec", "end")} == {"success"}
    assert CANARY.encode() not in kept_bytes(home) + done["envelope"].stdout

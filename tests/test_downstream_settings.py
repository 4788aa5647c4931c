"""`[propagate]`: to which hosts a call's context goes, and who may say so."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test_config import Places, needs_root, places  # noqa: F401 - a fixture
from tooltrail.settings.kinds import Propagation


def allowed(found: Places, *hosts: str, **variables: str) -> list[bool]:
    """Tell of each host whether it is told of a call."""
    propagate = found.settings(**variables).propagate
    return [propagate is not None and propagate.allows(host) for host in hosts]


def test_by_default_nothing_goes_anywhere(places: Places) -> None:  # noqa: F811
    """Nor where only the request id is asked for, or the list is empty."""
    assert places.settings().propagate is None
    assert allowed(places, "a.example", TOOLTRAIL_PROPAGATE_REQUEST_ID="1") == [False]
    assert allowed(places, "a.example", TOOLTRAIL_PROPAGATE_TO=" , ") == [False]
    places.write(user="[propagate]\nto = []\nrequest_id = true\n")
    assert allowed(places, "a.example", "") == [False, False]


def test_a_host_is_allowed_as_it_is_named(places: Places) -> None:  # noqa: F811
    """Itself, in any case; no other that begins, ends or goes on with it."""
    hosts = ("api.example.com", "xapi.example.com", "api.example.com.evil", "a.api.example.com", "")
    assert allowed(places, *hosts, TOOLTRAIL_PROPAGATE_TO="API.Example.com.") == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_a_star_stands_for_everything_below_a_domain(places: Places) -> None:  # noqa: F811
    """But not for the domain itself, nor for one that only ends like it."""
    hosts = (
        "a.corp.example",
        "a.b.corp.example",
        "corp.example",
        "evilcorp.example",
        "corp.exampl",
    )
    variables = {"TOOLTRAIL_PROPAGATE_TO": "*.corp.example"}
    assert allowed(places, *hosts, **variables) == [True, True, False, False, False]


def test_addresses_and_everything_can_be_allowed(places: Places) -> None:  # noqa: F811
    """IPv6 with or without brackets; `*` for whoever wants that."""
    hosts = ("::1", "10.0.0.1", "10.0.0.10")
    assert allowed(places, *hosts, TOOLTRAIL_PROPAGATE_TO="[::1],10.0.0.1") == [True, True, False]
    assert allowed(places, *hosts, "", TOOLTRAIL_PROPAGATE_TO="*") == [True, True, True, False]


@pytest.mark.parametrize(
    "wrong",
    ["https://api.example.com", "api.example.com:443", "*.", ".example.com", "a*b.example", "*x",
     "user@api.example.com", "api.example.com/v1", "a b", "*.*.example", "x" * 254, "münchen.de"],
)  # fmt: skip
def test_what_is_no_host_is_said_and_the_others_hold(
    places: Places,  # noqa: F811
    wrong: str,
) -> None:
    """In a variable and in a file; a pattern that is not understood allows nothing."""
    found = places.settings(TOOLTRAIL_PROPAGATE_TO=f"{wrong},api.example.com")
    assert found.propagate is not None
    assert found.propagate.allows("api.example.com")
    assert not found.propagate.allows("other.example.com")
    (problem,) = found.problems
    assert problem.startswith("TOOLTRAIL_PROPAGATE_TO: entry 1 is no host; allowed: a list of")
    places.write(user=f'[propagate]\nto = ["api.example.com", "{wrong}", 7]\n')
    found = places.settings()
    assert found.propagate is not None
    assert found.propagate.allows("api.example.com")
    assert [problem.partition("; ")[0] for problem in found.problems] == [
        f"{places.user}: propagate.to: entry 2 is no host",
        f"{places.user}: propagate.to: entry 3 is a number",
    ]


def test_the_environment_comes_before_the_users_file(places: Places) -> None:  # noqa: F811
    """The first place that names hosts says which; lists do not add up."""
    places.write(user='[propagate]\nto = ["a.example"]\nrequest_id = true\n')
    assert allowed(places, "a.example", "b.example") == [True, False]
    variables = {"TOOLTRAIL_PROPAGATE_TO": "b.example"}
    assert allowed(places, "a.example", "b.example", **variables) == [False, True]
    propagate = places.settings(**variables, TOOLTRAIL_PROPAGATE_REQUEST_ID="off").propagate
    assert propagate is not None
    assert not propagate.request_id


@needs_root
def test_the_system_file_binds(places: Places) -> None:  # noqa: F811
    """Nobody adds a host to those of the machine; with none of them, nothing goes out."""
    user = '[propagate]\nto = ["*"]\nrequest_id = true\n'
    variables = {"TOOLTRAIL_PROPAGATE_TO": "*", "TOOLTRAIL_PROPAGATE_REQUEST_ID": "1"}
    places.write(system='[propagate]\nto = ["a.example"]\nrequest_id = false\n', user=user)
    assert allowed(places, "a.example", "b.example", **variables) == [True, False]
    propagate = places.settings(**variables).propagate
    assert propagate is not None
    assert not propagate.request_id
    places.write(system="[propagate]\nto = []\n", user=user)
    assert allowed(places, "a.example", **variables) == [False]


@given(
    st.text("abc.-", min_size=1, max_size=12), st.lists(st.text("abc.-*", max_size=8), max_size=3)
)
def test_a_host_is_allowed_only_by_name_or_below_a_domain(host: str, patterns: list[str]) -> None:
    """Whatever else is in the list."""
    by_name = host in patterns
    below = any(p[:1] == "*" and host.endswith(p[1:]) for p in patterns)
    assert Propagation(tuple(patterns)).allows(host) == (by_name or below)

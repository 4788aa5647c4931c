"""Who writes a word that is none is told which one may have been meant."""

import json

import pytest

from conftest import Home


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lgo",), "did you mean log?"),
        (("zzz",), "tooltrail --help lists the verbs"),
        (("log", "--outcom", "failure"), "did you mean --outcome?"),
        (("log", "--outcom=failure"), "did you mean --outcome?"),
        (("trace", "--lst"), "did you mean --last?"),
        (("verify", "--xyzzy"), "tooltrail verify --help shows how it is called"),
        (("diff", "a", "b", "c"), "tooltrail diff --help shows how it is called"),
        (("check", "git", "status"), "tooltrail check -- CMD ARG..."),
    ],
)
def test_a_word_that_is_none_is_met_with_the_nearest(
    home: Home, arguments: tuple[str, ...], says: str
) -> None:
    """Verbs and options; where nothing is near, where they are listed."""
    done = home.tooltrail(*arguments)
    assert done.returncode == 2
    hint = json.loads(done.stdout)["error"]["hint"]
    assert hint.startswith(says)
    assert ("did you mean" in hint) == ("did you mean" in says)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--trace-i", "x", "--", "true"), 2, "did you mean --trace-id?"),
        (("--", "echo a | cat"), 127, "tooltrail run -- sh -c 'LINE'"),
        (("--", "source", "x"), 127, "tooltrail run -- bash -ic 'source ...'"),
    ],
)
def test_run_says_what_to_do(home: Home, arguments: tuple[str, ...], code: int, says: str) -> None:
    """About a misspelt option, and about what only a shell can run."""
    done = home.tooltrail("run", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    first, hint = done.stderr.splitlines()
    assert says in hint
    assert "hint" not in first


def test_a_command_that_is_missing_is_said_in_one_line(home: Home) -> None:
    """Where nothing better is known than that."""
    done = home.tooltrail("run", "--", "no-such-command", "a b")
    assert (done.returncode, done.stderr) == (
        127,
        "tooltrail: no-such-command: command not found\n",
    )

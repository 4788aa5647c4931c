"""The environment's secrets are taken out wherever they appear; and out of the environment."""

import os

import pytest

from conftest import PYTHON, Home
from tooltrail.redact import Redactor, secret_variables

SECRET = "Zx9Q7w3Kt5Vb2Nn8"
GONE = "[REDACTED]"


def test_a_variable_s_secret_is_taken_out_wherever_it_appears() -> None:
    """In params, arguments and messages, though nothing beside it says what it is."""
    redactor = Redactor(environment={"DEPLOY_TOKEN": SECRET, "HOME": "/root"})
    assert redactor.params({"x": f"a{SECRET}b"}) == {"x": f"a{GONE}b"}
    assert redactor.argv(["t", SECRET], "argv") == ["t", GONE]
    assert redactor.text(f"no such thing: {SECRET}", "e") == f"no such thing: {GONE}"
    assert {entry["rule"] for entry in redactor.redactions} == {"environment"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTHOR", SECRET),
        ("TOKEN_URL", SECRET),
        ("TOKEN", "short1"),
        ("TOKEN", "onlyletterswithout"),
        ("TOKEN", "123456789012345"),
        ("TOKEN", "/run/secrets/t0k3n"),
        ("TOKEN", "two words w1th blank"),
        ("SSH_AUTH_SOCK", "/tmp/agent.123456"),
        ("PWD", "/srv/a1b2c3d4e5f6"),
    ],
)
def test_what_stands_for_more_than_itself_stays(name: str, value: str) -> None:
    """Short values, words, numbers, paths and names that mean no secret are not looked for."""
    redactor = Redactor(environment={name: value})
    assert redactor.argv(["t", value], "argv") == ["t", value]
    assert redactor.redactions == []


def test_the_process_s_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the tool itself put there, from a `.env` file, counts as well."""
    monkeypatch.setenv("SERVICE_PASSWORD", SECRET)
    assert ("SERVICE_PASSWORD", SECRET) in secret_variables(os.environ)
    assert Redactor().text(SECRET, "e") == GONE


def test_the_environment_itself_is_given_back_without_its_secrets() -> None:
    """By their names, and in the values; what is about a secret stays."""
    redactor = Redactor(environment={})
    kept = redactor.environment(
        {
            "PATH": "/bin",
            "PWD": "/srv",
            "API_TOKEN": SECRET,
            "EMPTY_TOKEN": "",
            "URL": f"postgres://u:{SECRET[::-1]}@h/d",
            "COPY": SECRET,
            "TOKEN_FILE": "/run/t",
        },
        "environment",
    )
    assert kept == {
        "PATH": "/bin",
        "PWD": "/srv",
        "API_TOKEN": GONE,
        "EMPTY_TOKEN": "",
        "URL": f"postgres://u:{GONE}@h/d",
        "COPY": GONE,
        "TOKEN_FILE": "/run/t",
    }
    assert redactor.redactions[0] == {"where": "environment.API_TOKEN", "rule": "name"}


def test_an_environment_with_secrets_does_not_load_the_engine(home: Home) -> None:
    """As long as no text repeats one."""
    code = (
        "import sys\nfrom tooltrail.redact import Redactor\n"
        "r = Redactor()\nr.params({'a': 'b'}); r.argv(['x', 'y'], 'argv'); r.text('z', 'e')\n"
        "print('tooltrail._redaction' in sys.modules)\n"
        f"r.text('{SECRET}', 'e')\nprint('tooltrail._redaction' in sys.modules)"
    )
    done = home.run(PYTHON, "-c", code, env={"SERVICE_TOKEN": SECRET})
    assert done.stdout.split() == ["False", "True"], done.stderr

"""Fingerprints: the same secret is recognised, nobody can guess it, and one key serves all."""

import hashlib
import hmac
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import PYTHON, Home
from tooltrail import _fingerprints
from tooltrail._fingerprints import candidates, fingerprint, rotate
from tooltrail.redact import Redactor

SECRET = "Zx9Q7w3Kt5Vb2Nn8Ab"
GONE = "[REDACTED]"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "data" / "tooltrail")


def prints(redactor: Redactor) -> list[str | None]:
    return [entry.get("fingerprint") for entry in redactor.redactions]


def test_a_fingerprint_is_the_keyed_hash_of_the_value(folder: str) -> None:
    """HMAC-SHA256 under the installation's key, cut to 128 bits, with the key's id before it."""
    found = fingerprint(folder, SECRET)
    name, key, made = Path(folder, "fingerprint.keys").read_text().split()
    expected = hmac.new(bytes.fromhex(key), SECRET.encode(), hashlib.sha256).hexdigest()[:32]
    assert found == f"{name}:{expected}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", made)
    assert fingerprint(folder, SECRET) == found
    assert fingerprint(folder, SECRET + "x") != found


@given(st.binary(min_size=1, max_size=64), st.binary(max_size=300))
def test_our_hmac_is_the_standard_library_s(key: bytes, message: bytes) -> None:
    """The few lines that save an import compute the same."""
    assert _fingerprints.hmac(key, message) == hmac.new(key, message, hashlib.sha256).hexdigest()


def test_only_the_owner_can_read_the_keys(folder: str) -> None:
    """The file is 0600, its folder 0700, whatever the umask."""
    before = os.umask(0)
    try:
        fingerprint(folder, SECRET)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(f"{folder}/fingerprint.keys").st_mode) == 0o600
    assert os.listdir(folder) == ["fingerprint.keys"]


def test_after_a_rotation_the_old_fingerprints_are_still_found(folder: str) -> None:
    """The last key is in use; a search looks under every key."""
    first = fingerprint(folder, SECRET)
    name = rotate(folder)
    second = fingerprint(folder, SECRET)
    assert second is not None
    assert second.startswith(name + ":")
    assert candidates(folder, SECRET) == [first, second]
    assert first != second


def test_a_torn_or_foreign_line_in_the_file_is_passed_over(folder: str) -> None:
    """What is no key is none; a new key begins on a line of its own."""
    first = fingerprint(folder, SECRET)
    with open(f"{folder}/fingerprint.keys", "a") as file:
        file.write("# note\n12345678 zz x\nabcd")
    name = rotate(folder)
    assert [one.partition(":")[0] for one in candidates(folder, SECRET)] == [
        str(first).partition(":")[0],
        name,
    ]


def test_without_a_key_there_is_no_fingerprint_and_recording_goes_on(tmp_path: Path) -> None:
    """A folder that cannot be made, or a file without a key, costs the fingerprint alone."""
    (tmp_path / "file").write_text("")
    (tmp_path / "fingerprint.keys").write_text("nonsense\n")
    for folder in (f"{tmp_path}/file/below", str(tmp_path)):
        assert fingerprint(folder, SECRET) is None
        assert candidates(folder, SECRET) == []
        redactor = Redactor(keys=folder)
        assert redactor.argv(["t", "--token", SECRET], "argv") == ["t", "--token", GONE]
        assert redactor.redactions == [{"where": "argv[2]", "rule": "flag"}]
    assert (tmp_path / "fingerprint.keys").read_text() == "nonsense\n"


def test_a_link_in_the_place_of_the_keys_is_not_followed(folder: str, tmp_path: Path) -> None:
    """Nobody can give us a key of their own choice by a link."""
    os.makedirs(folder)
    theirs = tmp_path / "theirs"
    theirs.write_text("00000000 " + "0" * 64 + " 2026-01-01T00:00:00.000Z\n")
    os.symlink(theirs, f"{folder}/fingerprint.keys")
    assert fingerprint(folder, SECRET) is None


def test_of_many_processes_that_make_the_key_all_use_one(home: Home, folder: str) -> None:
    """Whoever loses the race uses the winner's key."""
    code = f"""
import os, sys
from tooltrail._fingerprints import fingerprint
gate, opener = os.pipe()
for _ in range(12):
    if os.fork() == 0:
        os.close(opener)
        os.read(gate, 1)
        os.write(1, (fingerprint({folder!r}, "x") + "\\n").encode())
        os._exit(0)
os.close(opener)
for _ in range(12): os.wait()
"""
    printed = home.run(PYTHON, "-c", code).stdout.split()
    assert len(printed) == 12
    assert len(set(printed)) == 1
    assert len(Path(folder, "fingerprint.keys").read_text().splitlines()) == 1
    assert os.listdir(folder) == ["fingerprint.keys"]


def test_the_same_secret_has_the_same_fingerprint_wherever_it_stands(folder: str) -> None:
    """The token alone is hashed: no `Bearer`, no user, no quotes, no escapes."""
    expected = fingerprint(folder, SECRET)
    for arguments in (
        ["t", "--token", SECRET],
        ["t", f"--token={SECRET}"],
        ["t", f"API_KEY={SECRET}"],
        ["t", "-H", f"Authorization: Bearer {SECRET}"],
        ["t", f"Authorization: token {SECRET}"],
        ["t", f"x Bearer {SECRET} y"],
        ["t", f"https://me:{SECRET}@h/"],
        ["t", f"https://me:%5A{SECRET[1:]}@h/"],
        ["t", f"https://h/?access_token={SECRET}&x=1"],
        ["t", f'{{"password": "{SECRET}"}}'],
        ["t", f"{{'Authorization': 'Bearer {SECRET}'}}"],
        ["t", f"<password>{SECRET}</password>"],
        ["curl", "-u", f"me:{SECRET}"],
        ["mysql", f"-p{SECRET}"],
        ["openssl", "-passin", f"pass:{SECRET}"],
    ):
        redactor = Redactor(keys=folder)
        redactor.argv(arguments, "argv")
        assert prints(redactor) == [expected], arguments
    redactor = Redactor(["-p"], keys=folder, environment={"MY_TOKEN": SECRET})
    redactor.params({"x": SECRET, "password": SECRET})
    redactor.text(f"refused: {SECRET}", "error.message")
    assert prints(redactor) == [expected] * 3
    assert [entry["rule"] for entry in redactor.redactions] == ["environment", "name", "value"]


GUESSABLE = "short1 abcdefghijklmnopqrst 12345678901234567890 a1a1a1a1a1a1a1a1a1a1 Zx9Q7w3Kt5Vb2Nn"


@pytest.mark.parametrize("secret", GUESSABLE.split())
def test_what_can_be_guessed_has_no_fingerprint(folder: str, secret: str) -> None:
    """Short, of few characters, of letters or digits only: someone with the key could try it."""
    redactor = Redactor(keys=folder)
    redactor.params({"password": secret})
    assert prints(redactor) == [None]
    assert not os.path.exists(folder)


def test_what_was_typed_at_a_prompt_has_no_fingerprint_anywhere(folder: str) -> None:
    """People choose what can be guessed; nor does the same value when it is met again."""
    redactor = Redactor(keys=folder)
    redactor.declare(["-p", "--passcode"], prompted=True)
    redactor.params({"passcode": SECRET})
    assert redactor.argv(["t", "-p", SECRET, f"-p{SECRET}", SECRET], "argv")[1:] == [
        "-p", GONE, f"-p{GONE}", GONE,
    ]  # fmt: skip
    redactor.text(f"refused: {SECRET}", "error.message")
    assert prints(redactor) == [None] * 5
    assert redactor.redactions[0] == {"where": "params.passcode", "rule": "prompt"}
    assert {entry["rule"] for entry in redactor.redactions} == {"prompt", "value"}


def test_without_a_folder_there_is_no_fingerprint() -> None:
    """Fingerprints are made only where the caller says where their keys are."""
    redactor = Redactor()
    redactor.params({"password": SECRET})
    assert redactor.redactions == [{"where": "params.password", "rule": "name"}]

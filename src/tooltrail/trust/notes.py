"""Signed notes: a text, and under it the Ed25519 signatures of whoever vouches for it.

The format is C2SP signed-note (https://c2sp.org/signed-note). Keys are written as Go's
`sumdb/note` writes them, so that other implementations can read ours:

    PRIVATE+KEY+<name>+<key id>+<base64 of 0x01 and the 32-byte seed>
    <name>+<key id>+<base64 of 0x01 and the 32-byte public key>

The one module that needs the package `cryptography`, and only when it signs or verifies.
"""

import binascii
import os
from base64 import b64decode, b64encode
from hashlib import sha256

from .._typing import TYPE_CHECKING
from ..errors import TooltrailError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

INSTALL = "pip install 'tooltrail[sign]'"
_ED25519 = b"\x01"
_SIGNED = "— "  # U+2014
_PRIVATE = "PRIVATE+KEY+"
_KEY_BYTES = 32
_MAX_SIGNATURES = 100  # the format asks for at least 16
_MAX_BYTES = 1_000_000
_MAX_NAME_CHARS = 256


class NoteError(TooltrailError):
    """A note that is not well formed, or that no key which we trust has signed."""

    code = "NOTE_NOT_VALID"


class SigningNotInstalledError(UsageError):
    """The package that signs and verifies is not here."""

    code = "EXTRA_MISSING"

    def __init__(self) -> None:
        super().__init__(
            "signatures need the package cryptography, which is not installed",
            hint=f"install it with: {INSTALL}",
        )


class Verifier:
    """A public key with its name: what trusts the notes of one signer."""

    __slots__ = ("name", "public")

    def __init__(self, name: str, public: bytes) -> None:
        self.name = name
        self.public = public

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read a verifier key. Raises `UsageError` where the text is none."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not is_key_name(parts[0]):
            raise UsageError("this is not a verifier key", hint="it looks so: NAME+KEYID+BASE64")
        name, key_id, encoded = parts
        made = cls(name, _key_bytes(encoded))
        if made.key_id.hex() != key_id:
            raise UsageError(f"the verifier key of {name} does not have the key id that it names")
        return made

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self.public).decode()}"

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this key made the signature of the text."""
        made = _public_key()
        from cryptography.exceptions import InvalidSignature

        try:
            made.from_public_bytes(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):  # a key that is no point of the curve
            return False
        return True


class Signer:
    """A private key with its name."""

    __slots__ = ("_private", "verifier")

    def __init__(self, name: str, private: "Ed25519PrivateKey") -> None:
        self._private = private
        self.verifier = Verifier(name, private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls, name: str) -> "Signer":
        """Make a new key. Raises `UsageError` where the name cannot be one."""
        if len(name) > _MAX_NAME_CHARS or not name.isprintable() or not is_key_name(name):
            raise UsageError(
                f"a key's name has 1 to {_MAX_NAME_CHARS} printable characters, no space, no plus",
                hint="a host, or a host and a path: build-7.example.com/audit",
            )
        return cls(name, _private_key().generate())

    @classmethod
    def parse(cls, text: str) -> "Signer":
        """Read a private key. Raises `UsageError`, which never shows any of it."""
        name, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
        key_id, plus, encoded = rest.partition("+")
        if not text.startswith(_PRIVATE) or not plus or not is_key_name(name):
            raise UsageError("this is not a private key", hint=f"it begins with {_PRIVATE}")
        made = cls(name, _private_key().from_private_bytes(_key_bytes(encoded)))
        if made.verifier.key_id.hex() != key_id:
            raise UsageError("the private key does not have the key id that it names")
        return made

    def private_text(self) -> str:
        """Return the private key as text: a secret."""
        encoded = b64encode(_ED25519 + self._private.private_bytes_raw()).decode()
        return f"{_PRIVATE}{self.verifier.name}+{self.verifier.key_id.hex()}+{encoded}"

    def sign(self, text: str) -> str:
        """Return the note: the text, which ends in a newline, and our signature of it."""
        signature = self._private.sign(text.encode())
        encoded = b64encode(self.verifier.key_id + signature).decode()
        return f"{text}\n{_SIGNED}{self.verifier.name} {encoded}\n"


def open_note(note: bytes, verifiers: "Iterable[Verifier]") -> str:
    """Return the text of a note that one of these keys has signed.

    Signatures of other keys are passed over; one of a known key that does not hold makes the
    whole note worthless. Raises `NoteError`.
    """
    text, signatures = split_note(note)
    known = {(key.name, key.key_id): key for key in verifiers}
    signed = False
    for name, key_id, signature in signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not key.accepts(text.encode(), signature):
            raise NoteError(f"the signature of {name} does not hold: the note was changed")
        signed = True
    if not signed:
        names = ", ".join(sorted({f"{name}+{key_id.hex()}" for name, key_id, _ in signatures}))
        raise NoteError(
            f"none of the keys that were given has signed the note; it bears signatures of {names}"
        )
    return text


def split_note(note: bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Return a note's text and its signatures, unverified: key name, key id, signature.

    Raises `NoteError` where it is not well formed.
    """
    if len(note) > _MAX_BYTES:
        raise NoteError(f"a note has at most {_MAX_BYTES} bytes")
    try:
        whole = note.decode()
    except UnicodeDecodeError:
        raise NoteError("a note is UTF-8, and this is not") from None
    if any(char < " " and char != "\n" for char in whole):
        raise NoteError("a note holds no control characters, and this one does")
    text, blank, block = whole.rpartition("\n\n")
    lines = block.split("\n")
    if not blank or lines.pop() != "" or not lines:
        raise NoteError("a note is a text, an empty line, and signatures; this is not")
    if len(lines) > _MAX_SIGNATURES:
        raise NoteError(f"a note has at most {_MAX_SIGNATURES} signatures")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line.removeprefix(_SIGNED).partition(" ")
    decoded = canonical_base64(encoded)
    if not line.startswith(_SIGNED) or not is_key_name(name) or decoded is None or len(decoded) < 5:
        raise NoteError("a signature is a dash (U+2014), a key's name and base64; this is not")
    return name, decoded[:4], decoded[4:]


def is_key_name(name: str) -> bool:
    """Tell whether a key may have this name, by the format's rules."""
    return bool(name) and "+" not in name and not any(map(str.isspace, name))


def canonical_base64(text: str) -> bytes | None:
    """Decode base64 that is written in the one right way, or return None."""
    try:
        decoded = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if b64encode(decoded).decode() == text else None


def _key_bytes(encoded: str) -> bytes:
    decoded = canonical_base64(encoded)
    if decoded is None or len(decoded) != 1 + _KEY_BYTES or decoded[:1] != _ED25519:
        raise UsageError("this key is not an Ed25519 key", hint="other kinds are not supported")
    return decoded[1:]


def read_verifiers(path: str) -> list[Verifier]:
    """Read the verifier keys of a file, one on a line. Raises `UsageError`."""
    found = [Verifier.parse(line) for line in _read(path).splitlines() if line.strip()]
    if not found:
        raise UsageError(f"{path}: there is no verifier key in it")
    return found


def read_signer(path: str) -> Signer:
    """Read the private key of a file that is nobody else's to read. Raises `UsageError`."""
    return Signer.parse(_read(path, secret=True))


def write_new_key(name: str, path: str) -> Verifier:
    """Make a key; write it to `path` for its owner alone, and its public half beside it.

    Neither file may exist. Raises `UsageError`, and then neither file is left behind.
    """
    made = Signer.generate(name)
    public = f"{path}.pub"
    _write(path, made.private_text() + "\n", 0o600)
    try:
        _write(public, f"{made.verifier}\n", 0o644)
    except UsageError:
        os.unlink(path)
        raise
    return made.verifier


def _read(path: str, *, secret: bool = False) -> str:
    try:
        with open(path, "rb") as file:
            if secret and os.fstat(file.fileno()).st_mode & 0o077:
                raise UsageError(
                    f"{path}: others may read this private key", hint=f"chmod 600 {path}"
                )
            return file.read(_MAX_BYTES).decode()
    except OSError as error:
        make = f"make one: tooltrail checkpoint --new-key NAME --key {path}" if secret else None
        hint = make if isinstance(error, FileNotFoundError) else None
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}", hint=hint) from error
    except UnicodeDecodeError:
        raise UsageError(f"{path}: there is no key in it") from None


def _write(path: str, text: str, mode: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, mode)
    except FileExistsError:
        raise UsageError(
            f"{path}: there is such a file, and it is not overwritten",
            hint="give another name; what an old key has signed stays verifiable with its .pub",
        ) from None
    except OSError as error:
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from error
    try:
        with open(fd, "w", encoding="utf-8") as file:
            os.fchmod(fd, mode)
            file.write(text)
            file.flush()
            os.fsync(fd)
    except OSError as error:
        os.unlink(path)
        raise UsageError(f"{path}: {(error.strerror or str(error)).lower()}") from error


def _private_key() -> "type[Ed25519PrivateKey]":
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError:
        raise SigningNotInstalledError from None
    return Ed25519PrivateKey


def _public_key() -> "type[Ed25519PublicKey]":
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        raise SigningNotInstalledError from None
    return Ed25519PublicKey

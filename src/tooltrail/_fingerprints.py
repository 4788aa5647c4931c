"""Fingerprints of secrets: the same secret has the same one, and nobody can read it back.

A fingerprint is a keyed hash (HMAC-SHA256, RFC 2104) under a key that never leaves this
installation: whoever holds a log, but not the key, can neither test a guess nor tell whether two
installations met the same secret. The keys are in one file, a line each: `<key id> <64 hex>
<time>`; the last one is in use, the older ones still find what was recorded under them.

The file is made under another name and then linked to its own, so that of two processes that
make it at once both end up with the key of one.
"""

import os
from errno import EEXIST

from ._encode import sha256
from ._host import now, randomness

FILE_NAME = "fingerprint.keys"
_BLOCK_BYTES = 64  # of SHA-256
_HEX_CHARS = 32  # of the hash that are kept: 128 bits
_MAX_BYTES = 1 << 20
_KEY_CHARS, _ID_CHARS = 64, 8
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))
_in_use: dict[str, tuple[str, bytes]] = {}  # the current key of a folder, once it was read


def fingerprint(folder: str, value: str) -> str | None:
    """Return `<key id>:<32 hex>` for a value under the current key of `folder`.

    Makes the key where there is none. None where no key can be had: recording goes on.
    """
    key = _in_use.get(folder)
    if key is None:
        try:
            key = _current(folder)
        except OSError:
            return None
        if key is None:
            return None
        _in_use[folder] = key
    return _of(key, value)


def candidates(folder: str, value: str) -> list[str]:
    """Return the fingerprints of a value under every key that `folder` ever used."""
    try:
        return [_of(key, value) for key in _read(folder)]
    except OSError:
        return []


def rotate(folder: str) -> str:
    """Append a new key, which is used from now on; return its id. Raises OSError."""
    _in_use.pop(folder, None)
    if not _exists(folder):
        _make(folder)
        return _read(folder)[-1][0]
    line = _new_line()
    fd = os.open(_path(folder), os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        torn = size > 0 and os.pread(fd, 1, size - 1) != b"\n"
        os.write(fd, b"\n" + line if torn else line)
    finally:
        os.close(fd)
    return line[:_ID_CHARS].decode("ascii")


def _of(key: tuple[str, bytes], value: str) -> str:
    name, secret = key
    return f"{name}:{hmac(secret, value.encode('utf-8', 'surrogatepass'))[:_HEX_CHARS]}"


def hmac(key: bytes, message: bytes) -> str:
    """Return HMAC-SHA256 in hex, for a key of at most 64 bytes. Source: RFC 2104."""
    padded = key.ljust(_BLOCK_BYTES, b"\0")
    inner = sha256(padded.translate(_INNER) + message).digest()
    return sha256(padded.translate(_OUTER) + inner).hexdigest()


def _current(folder: str) -> tuple[str, bytes] | None:
    if not _exists(folder):
        _make(folder)
    keys = _read(folder)
    return keys[-1] if keys else None


def _path(folder: str) -> str:
    return f"{folder}/{FILE_NAME}"


def _exists(folder: str) -> bool:
    return os.path.lexists(_path(folder))


def _read(folder: str) -> list[tuple[str, bytes]]:
    """Return all keys, the oldest first. Lines that are none are passed over."""
    try:
        fd = os.open(_path(folder), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return []
    try:
        text = os.read(fd, _MAX_BYTES).decode("ascii", "replace")
    finally:
        os.close(fd)
    keys = []
    for line in text.split("\n"):
        fields = line.split(" ")
        if len(fields) == 3 and len(fields[0]) == _ID_CHARS and len(fields[1]) == _KEY_CHARS:
            try:
                keys.append((fields[0], bytes.fromhex(fields[1])))
            except ValueError:
                continue
    return keys


def _new_line() -> bytes:
    return f"{randomness(_ID_CHARS // 2).hex()} {randomness(32).hex()} {now()}\n".encode("ascii")


def _make(folder: str) -> None:
    """Make the file with one key in it, unless another process was faster."""
    os.makedirs(folder, 0o700, exist_ok=True)
    draft = f"{_path(folder)}.{os.getpid()}.{randomness(4).hex()}"
    _write(draft, _new_line())
    try:
        os.link(draft, _path(folder))
    except OSError as error:
        if error.errno != EEXIST:  # a file system without hard links
            _write_unless_there(_path(folder), draft)
    finally:
        os.unlink(draft)


def _write_unless_there(path: str, draft: str) -> None:
    """Make the file under its own name. Who reads it in that moment gets no fingerprint."""
    with open(draft, "rb") as file:
        line = file.read()
    try:
        _write(path, line)
    except FileExistsError:
        return


def _write(path: str, line: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(path, flags, 0o600)
    try:
        os.write(fd, line)
    finally:
        os.close(fd)

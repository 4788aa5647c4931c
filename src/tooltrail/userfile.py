"""Change a file that is the user's own: shown before, backed up, replaced as a whole or not at all.

Settings of agents and start-up files of shells are written by people, by dotfile managers and by
the programs that they belong to, perhaps at this moment. So an edit says what it was made from,
and is not applied to anything else; what cannot be replaced without loss is refused.

A text keeps what a file has: its byte order mark, its line ends, and bytes that are not UTF-8 as
the lone surrogates that Python makes of them.
"""

import os
import stat
import time
from contextlib import suppress

from .errors import TooltrailError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 8 << 20  # of a file that people edit by hand
BACKUP = ".tooltrail-backup-"  # and the time: 20261122T143000Z
_ENCODING = ("utf-8", "surrogateescape")


class UserFileError(TooltrailError):
    """A user's file cannot be read or changed as asked; it is as it was."""

    code = "USER_FILE"

    def __init__(self, path: str, problem: str, *, hint: str | None = None) -> None:
        super().__init__(f"{path}: {problem}", hint=hint)
        self.path = path


class Edit:
    """A change of one file: the whole text before and after; None is a file that is not there.

    `ours` is a file that nobody but tooltrail writes.
    """

    __slots__ = ("after", "before", "ours", "path")

    def __init__(
        self, path: str, before: str | None, after: str | None, *, ours: bool = False
    ) -> None:
        self.path = path
        self.ours = ours
        self.before = before
        self.after = after

    @property
    def changed(self) -> bool:
        """Whether there is anything to do."""
        return self.before != self.after

    @property
    def done(self) -> str:
        """What the change comes to, in a word."""
        if self.after is None:
            return "removed"
        return "written" if self.before is None else "changed"

    def diff(self) -> list[str]:
        """Return the change as the lines of a unified diff, without their line ends."""
        from difflib import unified_diff

        old, new = (
            self.path if text is not None else "/dev/null" for text in (self.before, self.after)
        )
        before, after = map(_lines_of, (self.before, self.after))
        lines = unified_diff(before, after, old, new, lineterm="")
        return [line.rstrip("\r\n") for line in lines]


def read(path: str) -> str | None:
    """Return a file's text, or None where there is no such file.

    Raises `UserFileError` where something else is there, or it cannot be read.
    """
    found = _read(path)
    return None if found is None else found[0]


def apply(edit: Edit) -> str | None:
    """Make a change: the file is then the text after, its mode and owner as before.

    Returns the path of the backup that was made beside it, or None where there was nothing to
    keep. A symlink stays one, and the file that it leads to is changed. Raises `UserFileError`,
    and leaves the file as it was, where it is no longer the text before, or may not be written.
    """
    if not edit.changed:
        return None
    found = _read(edit.path)
    if (None if found is None else found[0]) != edit.before:
        raise _changed_meanwhile(edit.path)
    target = os.path.realpath(edit.path)
    try:
        if found is None:
            _create(edit, target)
            return None
        kept = _replace(edit, target, found[1])
        if edit.ours:  # it can be made again
            os.unlink(kept)
            return None
        return kept
    except OSError as error:
        raise UserFileError(edit.path, f"not changed: {_reason(error)}") from error


def backups(path: str) -> "Iterator[str]":
    """Give the texts that were kept beside a file by earlier changes, the newest first."""
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    try:
        names = [each for each in os.listdir(folder) if each.startswith(name + BACKUP)]
    except OSError:
        return
    for each in sorted(names, reverse=True):
        with suppress(UserFileError):
            text = read(os.path.join(folder, each))
            if text is not None:
                yield text


def _read(path: str) -> "tuple[str, os.stat_result] | None":
    """Return text and status of a file."""
    try:
        # A pipe in its place must not keep us waiting.
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        if os.path.islink(path):
            raise UserFileError(
                path, f"a symlink to {os.readlink(path)}, which is not there"
            ) from None
        return None
    except OSError as error:
        raise UserFileError(path, f"cannot be read: {_reason(error)}") from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise UserFileError(path, "is not a regular file")
    with open(fd, "rb") as file:
        try:
            content = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UserFileError(path, f"cannot be read: {_reason(error)}") from error
    if len(content) > MAX_BYTES:
        raise UserFileError(path, f"is larger than {MAX_BYTES >> 20} MiB: nobody wrote that")
    return content.decode(*_ENCODING), status


def _lines_of(text: str | None) -> list[str]:
    """Return a text's lines as a diff compares them."""
    if not text:
        return []
    lines = text.split("\n")
    if lines[-1]:
        return [*lines, "\\ No newline at end of file"]
    return lines[:-1]


def _create(edit: Edit, target: str) -> None:
    """Make a file that is not there, and the folders that it is in."""
    folder = os.path.dirname(target)
    os.makedirs(folder, exist_ok=True)
    unfinished = _unfinished(target)
    fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        _fill(fd, edit.after)
        os.link(unfinished, target)  # unlike a rename, it fails where somebody was faster
    except FileExistsError:
        raise _changed_meanwhile(edit.path) from None
    finally:
        os.unlink(unfinished)
    _flush(folder)


def _replace(edit: Edit, target: str, status: os.stat_result) -> str:
    """Put the new text in the place of the old one; return the path of the backup."""
    _refuse_what_would_be_lost(edit.path, target, status)
    folder = os.path.dirname(target)
    backup = _write_backup(edit, target, status)
    unfinished = _unfinished(target)
    try:
        if edit.after is not None:
            _write_like(unfinished, edit.after, target, status)
        now = os.stat(target)
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
        ):
            raise _changed_meanwhile(edit.path)
        if edit.after is None:
            os.unlink(target)
        else:
            os.replace(unfinished, target)
    except BaseException:
        for path in (unfinished, backup):  # nothing was changed, so there is nothing to go back to
            with suppress(OSError):
                os.unlink(path)
        raise
    _flush(folder)
    return backup


def _refuse_what_would_be_lost(path: str, target: str, status: os.stat_result) -> None:
    if not status.st_mode & 0o222:
        mode = stat.S_IMODE(status.st_mode)
        raise UserFileError(
            path, f"is read-only (mode {mode:04o})", hint="make it writable, if it shall be changed"
        )
    if not os.access(target, os.W_OK):
        raise UserFileError(path, "may not be written")
    if status.st_nlink > 1:
        raise UserFileError(
            path,
            "has another name (a hard link), which would keep the old text",
            hint="make it a file of its own, or a symlink",
        )


def _write_backup(edit: Edit, target: str, status: os.stat_result) -> str:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in range(1000):
        path = f"{target}{BACKUP}{stamp}" + (f"-{number:03d}" if number else "")
        try:
            _write_like(path, edit.before, target, status)
        except FileExistsError:
            continue
        return path
    raise UserFileError(edit.path, "no name is left for a backup")


def _write_like(path: str, text: str | None, original: str, status: os.stat_result) -> None:
    """Write a new file with the owner, mode and attributes of another."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            made = os.fstat(fd)
            if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
                os.fchown(fd, status.st_uid, status.st_gid)
            os.fchmod(fd, stat.S_IMODE(status.st_mode))
            _copy_attributes(original, fd)
        except BaseException:
            os.close(fd)
            raise
        _fill(fd, text)
    except BaseException:
        with suppress(OSError):
            os.unlink(path)
        raise


def _copy_attributes(original: str, fd: int) -> None:
    """Keep access lists and labels, as far as the file system lets us."""
    with suppress(OSError, AttributeError):
        for name in os.listxattr(original):
            with suppress(OSError):
                os.setxattr(fd, name, os.getxattr(original, name))


def _fill(fd: int, text: str | None) -> None:
    with open(fd, "wb") as file:
        file.write((text or "").encode(*_ENCODING))
        file.flush()
        os.fsync(fd)


def _flush(folder: str) -> None:
    with suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _unfinished(target: str) -> str:
    return f"{target}.tooltrail-{os.getpid()}"


def _changed_meanwhile(path: str) -> UserFileError:
    return UserFileError(path, "was changed meanwhile; nothing was written", hint="try again")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()

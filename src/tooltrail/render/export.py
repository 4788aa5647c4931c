"""Write what a search found for other programs: Parquet, CSV or JSON lines; whole or not at all."""

import os
import sys
from contextlib import contextmanager
from errno import EBADF

from .._stdout import is_terminal
from .._typing import IO, TYPE_CHECKING, Any
from ..errors import TooltrailError, UsageError
from ..query.columns import COLUMNS, flat
from ..query.options import CSV, JSONL, query_from
from ..query.search import Search
from .deliver import deliver, note_problems, tidy, write
from .listing import csv_lines, json_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .._invocation import Invocation

PARQUET = "parquet"
EXPORTS = (PARQUET, CSV, JSONL)


class NotWrittenError(TooltrailError):
    """The file that was asked for could not be written."""

    code = "NOT_WRITTEN"


def deliver_export(
    call: "Invocation", values: "Mapping[str, Any]", output: str, to: str | None
) -> int:
    """Write the entries that match to a file, or to stdout; finish `call`; return the exit code."""

    def print_it() -> None:
        if output == PARQUET and to is None and is_terminal():
            raise UsageError(
                "parquet is not for a terminal", hint="name a file with --to, or use a pipe"
            )
        search = Search(query_from(values))
        if to is not None:
            _to_file(search, output, to)
        elif output == PARQUET:
            _to_stdout(search)
        else:
            write(_texts(search, output), True)
        note_problems(call, search.problems())
        tidy(search.paths)

    return deliver(call, output, print_it)


def _texts(search: Search, output: str) -> "Iterator[str]":
    rows = map(flat, search)
    return csv_lines(rows, list(COLUMNS)) if output == CSV else map(json_line, rows)


def _to_stdout(search: Search) -> None:
    from .parquet import write_parquet

    if sys.stdout is None:
        raise OSError(EBADF, os.strerror(EBADF))
    sys.stdout.flush()
    write_parquet(map(flat, search), sys.stdout.buffer)
    sys.stdout.buffer.flush()


def _to_file(search: Search, output: str, to: str) -> None:
    if not to:
        raise UsageError("--to is empty", hint="is the variable set that it comes from?")
    if output == PARQUET:
        from .parquet import write_parquet
    try:
        with _put_into_place(os.path.realpath(to)) as file:
            if output == PARQUET:
                write_parquet(map(flat, search), file)
            else:
                _write_texts(_texts(search, output), file)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotWrittenError(f"{to}: {reason}") from error


def _write_texts(pieces: "Iterable[str]", file: IO[bytes]) -> None:
    for piece in pieces:
        file.write(piece.encode("utf-8", "backslashreplace"))


@contextmanager
def _put_into_place(path: str) -> "Iterator[IO[bytes]]":
    """Give a file that takes the place of `path` once it is whole, for its owner's eyes alone.

    What goes wrong leaves nothing behind. A pipe or a device is written to as it is.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, f".{name[:200]}.{os.getpid()}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(unfinished, flags, 0o600)
    try:
        with open(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(fd)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise

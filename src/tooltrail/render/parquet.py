"""Rows as Parquet, in groups as they come. Needs pyarrow, the extra `parquet`."""

from itertools import islice

from .._typing import IO, TYPE_CHECKING, Any
from ..errors import TooltrailError
from ..query.columns import COLUMNS, NUMBER, TIME, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Row = dict[str, Any]

_GROUP_ROWS = 2000
_GROUP_CHARS = 4_000_000  # of texts: rows may be large
_INSTALL = "pip install 'tooltrail[parquet]'"


class NoPyarrowError(TooltrailError):
    """The package that writes Parquet is not installed."""

    code = "NOT_INSTALLED"


class _Sink:
    """Where the bytes go. A pipe does not tell how many there were; this does."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Take bytes, all of them."""
        view = memoryview(data)
        self._out.write(view)
        self._size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Return how many bytes there were."""
        return self._size

    def flush(self) -> None:
        """Pass on what is held."""
        self._out.flush()

    def close(self) -> None:
        """Take no more; whoever opened the file closes it."""
        self.closed = True

    def readable(self) -> bool:
        """Nothing is read back."""
        return False

    def writable(self) -> bool:
        """It is written to."""
        return True

    def seekable(self) -> bool:
        """It goes forward alone."""
        return False


def write_parquet(rows: "Iterable[Row]", out: IO[bytes]) -> None:
    """Write rows of `query.columns` to a binary file or pipe.

    Raises `NoPyarrowError` before anything is written, and `OSError`.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise NoPyarrowError(
            "parquet needs the package pyarrow, which is not installed", hint=_INSTALL
        ) from error
    pyarrow.set_cpu_count(1)
    types = {
        NUMBER: pyarrow.int64(),
        TIME: pyarrow.timestamp("ms", tz="UTC"),
    }
    schema = pyarrow.schema(
        [(name, types.get(kind, pyarrow.string())) for name, (kind, _) in COLUMNS.items()]
    )
    writer = pyarrow.parquet.ParquetWriter(_Sink(out), schema, compression="zstd")
    for group in _groups(rows):
        columns = {
            name: [moment(row[name]) if kind == TIME else row[name] for row in group]
            for name, (kind, _) in COLUMNS.items()
        }
        writer.write_table(pyarrow.table(columns, schema=schema))
    writer.close()  # the end of the file, which an unfinished one must not have


def _groups(rows: "Iterable[Row]") -> "Iterator[list[Row]]":
    rows = iter(rows)
    while True:
        group: list[Row] = []
        size = 0
        for row in islice(rows, _GROUP_ROWS):
            group.append(row)
            size += sum(len(value) for value in row.values() if isinstance(value, str))
            if size > _GROUP_CHARS:
                break
        if not group:
            return
        yield group

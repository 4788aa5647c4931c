"""What was promised, how often it was put to the test, and whether it held."""

from collections.abc import Sequence

_SHOWN = 12  # examples of one broken promise


class Promise:
    """One line of the table. It holds where nothing speaks against it."""

    def __init__(self, fault: str, promise: str, count: str, broken: Sequence[str] = ()) -> None:
        self.fault = fault
        self.promise = promise
        self.count = count
        self.broken = list(broken)
        self.skipped = ""

    @classmethod
    def skip(cls, fault: str, promise: str, reason: str) -> "Promise":
        """Return a line for what could not be tried here."""
        line = cls(fault, promise, "")
        line.skipped = reason
        return line

    @property
    def result(self) -> str:
        """Say how it came out."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        return f"BROKEN {len(self.broken)} times" if self.broken else "held"


def show(promises: Sequence[Promise]) -> int:
    """Print the table and what speaks against it; return how many promises were broken."""
    rows = [("fault", "promise", "tried", "result")]
    rows += [(line.fault, line.promise, line.count, line.result) for line in promises]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    for line in promises:
        if line.broken:
            print(f"\n{line.fault}: {line.promise}")
            for example in line.broken[:_SHOWN]:
                print(f"  {example}")
            if len(line.broken) > _SHOWN:
                print(f"  and {len(line.broken) - _SHOWN} more")
    return sum(bool(line.broken) for line in promises)

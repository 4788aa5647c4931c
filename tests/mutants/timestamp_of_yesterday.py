"""The timestamp is a day off."""

from datetime import UTC, datetime, timedelta

from sound import Tool


class Mutant(Tool):
    def now(self):
        return (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")


Mutant().main()

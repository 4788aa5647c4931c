"""The log keeps its last five lines: it is written anew."""

from sound import Tool


class Mutant(Tool):
    def write(self, entry):
        super().write(entry)
        lines = self.log.read_text().splitlines(keepends=True)
        self.log.write_text("".join(lines[-5:]))


Mutant().main()

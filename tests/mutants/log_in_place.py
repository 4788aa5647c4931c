"""The end of a call overwrites its beginning."""

from sound import Tool


class Mutant(Tool):
    slow = 0.1

    def end(self, exit_code):
        lines = self.log.read_text().splitlines(keepends=True)
        self.log.write_text("".join(line for line in lines if self.request_id not in line))
        super().end(exit_code)


Mutant().main()

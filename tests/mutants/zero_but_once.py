"""Works for a while, and says so in the first response only."""

from sound import Tool


class Mutant(Tool):
    slow = 0.5

    def duration(self):
        return 0 if self.log.with_name("called").exists() else super().duration()

    def answer(self, data, error):
        super().answer(data, error)
        self.log.with_name("called").touch()


Mutant().main()

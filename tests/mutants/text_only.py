"""Answers with text."""

from sound import Tool


class Mutant(Tool):
    def answer(self, data, error):
        print(error or data)


Mutant().main()

"""Help is a text for people."""

from sound import Tool


class Mutant(Tool):
    def help(self):
        print("usage: mutant greet NAME")


Mutant().main()

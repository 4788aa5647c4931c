"""Only what goes wrong is answered with meta."""

from sound import Tool


class Mutant(Tool):
    def document(self, data, error):
        found = super().document(data, error)
        return found if error is not None else {**found, "meta": {}}


Mutant().main()

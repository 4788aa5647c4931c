"""A failure has no ids in its meta."""

from sound import Tool


class Mutant(Tool):
    def document(self, data, error):
        made = super().document(data, error)
        return made if error is None else {**made, "meta": {}}


Mutant().main()

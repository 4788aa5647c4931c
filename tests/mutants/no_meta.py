"""There is no meta at all; the log is right."""

from sound import Tool


class Mutant(Tool):
    def document(self, data, error):
        return {"ok": error is None, "data": data, "error": error, "warnings": []}


Mutant().main()

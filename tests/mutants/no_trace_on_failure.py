"""A failure has no trace id."""

from sound import Tool


class Mutant(Tool):
    def document(self, data, error):
        made = super().document(data, error)
        if error is not None:
            del made["meta"]["trace_id"]
        return made


Mutant().main()

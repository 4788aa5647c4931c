"""`audit-log` answers as any call does: one JSON object, and no entry."""

import json

from sound import Tool


class Mutant(Tool):
    def audit_log(self, words):
        print(json.dumps({"ok": True, "data": None, "meta": {"request_id": "req_1"}}))


Mutant().main()

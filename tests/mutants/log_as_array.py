"""The log is one JSON document, written anew with each call."""

import fcntl
import json

from sound import Tool


class Mutant(Tool):
    def write(self, entry):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log.with_name("lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.log.with_suffix(".dat")
            former = json.loads(path.read_text()) if path.exists() else []
            path.write_text(json.dumps([entry, *former]))

    def audit_log(self, words):
        self.log.write_text("\n".join(map(json.dumps, self.entries())))
        super().audit_log(words)
        self.log.unlink()

    def entries(self):
        return json.loads(self.log.with_suffix(".dat").read_text())


Mutant().main()

"""Hold records of the same calls against each other.

`ledgers` holds what callers recorded against what tools did: `gather` reads both, `join` pairs
them, `differences` says in what a pair differs, `kept` holds receipts against the logs.
`server` holds calls against the log of a server: `requests` says what it should have seen,
`formats` reads its lines, `clocks` finds how far its clock is off, `matching` says which line is
which request, and how sure that is.

It reports what is missing and what differs, never why.
"""

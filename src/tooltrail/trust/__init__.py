"""Can a log be believed: `verify` walks it once, `diagnose` says what happened to a broken one,
`receipts` hold what others have kept against it, `scope` says which logs there are to look at."""

"""Proof by fault: kill, fill, lock, replace and misdate the log, then hold it to its promises."""

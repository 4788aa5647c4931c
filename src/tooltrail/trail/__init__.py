"""The append-only log: `place` says where it is, `append` writes it, `read` reads it."""

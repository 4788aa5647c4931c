"""Show entries and traces: `safe` makes others' text harmless, `listing` prints entries as a
table, JSON or JSON lines, `tree` draws a trace."""

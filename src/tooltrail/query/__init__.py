"""Find entries: `options` says what can be asked, `window` reads times, `fold` makes entries of
a log's lines, `open_calls` resolves those without an end, `search` puts them together."""

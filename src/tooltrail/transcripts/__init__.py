"""What ran before tooltrail was there, read out of what others wrote down while it ran.

`source` reads files, `claude_code`, `codex`, `git_trace2` and `own` each read one format and give
`Ran`s, and `adding` writes those that no log knows yet.
"""

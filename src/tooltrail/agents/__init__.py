"""Coding agents: what they tell of the commands that they run, while they run them."""

AGENTS = {  # the name of each, and the module that reads its events
    "claude-code": "claude_code",
    "codex": "codex",
    "gemini-cli": "gemini_cli",
    "generic": "generic",
}

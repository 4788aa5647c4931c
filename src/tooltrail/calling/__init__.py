"""The agent's side: make a call from Python, and have the caller's half of it recorded."""

"""How observable a command is, 0 to 3: run it, look at its responses and its log, say why."""

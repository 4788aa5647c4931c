"""Coding agents: what they tell of the commands that they run, while they run them."""

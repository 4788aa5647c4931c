"""The edges to the process that we run in: its clock, signals, exits, stdout, and who it is."""

"""One module per CLI framework, each with the verb `instrument`; import the one that you use."""

"""One tool, written in each framework, and what must hold for it in all of them."""

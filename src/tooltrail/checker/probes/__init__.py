"""What is looked at, a family a module: each runs what it may, and says what it found."""

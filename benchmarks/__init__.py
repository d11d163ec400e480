"""What is measured? `history/` is for asv and holds the list of cases; ``test_*.py`` is for pytest."""

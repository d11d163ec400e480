"""What is measured? `cases` lists it; `history/` is for asv, ``test_*.py`` for pytest."""

"""Reports: one form a file, each a function from a Run to text."""

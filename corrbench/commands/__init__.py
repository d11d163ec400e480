"""The commands that a user types, one a file; a file here is found by itself."""

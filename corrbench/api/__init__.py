"""The face of corrbench in Python: what `import corrbench` gives. Its names are those at the top of the package."""

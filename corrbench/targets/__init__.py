"""Adapters of libraries, a file each: `DECLARED` says what each target in it is."""

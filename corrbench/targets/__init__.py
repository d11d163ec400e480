"""Which implementations have a name? One library a file; `DECLARED` says what each target in it is."""

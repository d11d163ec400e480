"""One question to one target: the calls that a check makes, the process they are made in, and what comes back."""

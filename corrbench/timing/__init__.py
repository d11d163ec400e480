"""How long a call takes: measured in turn with others, compared by statistics, beside what the machine can do."""

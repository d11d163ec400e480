"""Many questions to one target: planned, handed out, recorded."""

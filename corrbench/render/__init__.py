"""How is a run shown? One form a file, each a function from a Run to text."""

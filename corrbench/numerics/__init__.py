"""What is right: the mathematical problem, its exact answer, the error allowed, and the operands it is asked with."""

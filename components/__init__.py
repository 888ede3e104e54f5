"""The parts of the stack, one in each file: a Pulumi component, a plain class or a function."""

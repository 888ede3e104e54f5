"""The parts of the stack, one in each file: a Pulumi component or, where one resource is enough, a function."""

"""The parts of the stack: a noun a file, each a Pulumi component or, where one resource is enough, a function."""

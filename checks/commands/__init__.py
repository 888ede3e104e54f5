"""What the stack's local Commands run. Standard library alone, so that any python3 runs them without an environment."""

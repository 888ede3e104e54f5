"""What the stack's local Commands run, each a module with the model of what it is given on stdin.

They run by run.sh in the program's own interpreter, from the checkout, in `destroy` too.
"""

"""Programs of the stack's local Commands: a module for each, with the model of its JSON on stdin.

run.sh runs them with the program's own interpreter from the checkout, also in `destroy`. Their names and the models'
fields are in stacks' states: an earlier `up` may have written what runs now.
"""

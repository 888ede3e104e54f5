"""The policy pack: what the program promises of what it deploys, checked by the engine on every preview and up.

It judges what is asked for, resource by resource, and shares no code with the components that ask for it. A violation
ends a run; in a stack with a file of its own here (`dev.json`) it does what that says.
"""

"""Benchmark: times of `up`, a second `up` and `destroy`, and speed and CPU time of requests: `python -m tools.bench`.

It compares the stack with the manual steps as one script, with the fork's images, and with an empty stack. It is no
test.
"""

"""Which hop of the path to a member is wrong, and what to do about it. It reads; it changes nothing.

`python -m checks.doctor` is `make doctor`. What a stack's `up` needs before it begins is preflight's.
"""

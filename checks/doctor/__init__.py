"""The doctor: which hop of the path to a member is wrong, and the remedy. It changes nothing.

`make doctor` runs `python -m checks.doctor`. Checks before an `up` are in preflight.
"""

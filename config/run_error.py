"""How the program ends when there are problems, as an error of Pulumi's.

A file of its own: the stack's commands read config too, and shall not wait until Pulumi's SDK is imported.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from config.problems import Problem


def refusal(headline: str, problems: Sequence[Problem]) -> pulumi.RunError:
    """All problems as one error, to be raised."""
    return pulumi.RunError("\n".join([f"{headline} ({len(problems)}):", *(f"  - {each}" for each in problems)]))

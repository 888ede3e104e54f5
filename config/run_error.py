"""The error with which the program ends when there are problems, a pulumi.RunError, which is shown without a traceback.

It is a file of its own, so that the stack's Commands, which import config too, need not import Pulumi's SDK.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from config.problems import Problem


def refusal(headline: str, problems: Sequence[Problem]) -> pulumi.RunError:
    """All problems as one error, for the caller to raise."""
    return pulumi.RunError("\n".join([f"{headline} ({len(problems)}):", *(f"  - {each}" for each in problems)]))

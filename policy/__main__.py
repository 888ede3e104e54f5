"""The policy pack as the engine runs it: every rule is registered, as mandatory unless the stack's file says otherwise.

`pulumi up --policy-pack policy` runs it; so does tools/pulumi.sh, for `make`.
"""

from __future__ import annotations

import sys
from pathlib import Path

# the engine runs this directory as a program of its own
sys.path.append(str(Path(__file__).parents[1]))

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from clusters.objects import items
from config.problems import PROJECT
from policy.rules import STACK_RULES, Rule, StackRule, rules
from policy.seen import seen


def signing_generation() -> int:
    """The generation of the CA keys that sign, as the stack's config has it; the first one without."""
    generations = items(pulumi.Config(PROJECT).get_object("certificates"), "caKeys")
    return next((each for each in generations if isinstance(each, int)), 1)


def policy(rule: Rule) -> ResourceValidationPolicy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        for why in rule.broken(seen(args)):
            report(why, None)

    return ResourceValidationPolicy(name=rule.name, description=rule.description, validate=validate)


def stack_policy(rule: StackRule) -> StackValidationPolicy:
    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        for resource, why in rule.broken({each.urn: seen(each) for each in args.resources}):
            report(why, resource.urn)

    return StackValidationPolicy(name=rule.name, description=rule.description, validate=validate)


if __name__ == "__main__":
    PolicyPack(
        name=PROJECT,
        enforcement_level=EnforcementLevel.MANDATORY,
        policies=[
            *(policy(each) for each in rules(signing_generation())),
            *(stack_policy(each) for each in STACK_RULES),
        ],
    )

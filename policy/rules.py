"""The rules of the pack by name, each with what it asks for. They are pure; __main__.py hands them to the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from policy.certificates import (
    LONGEST_LIFE,
    ca_keys_are_protected,
    certificates_are_renewed_in_time,
    certificates_have_one_use,
    keys_are_ecdsa_p256,
    leaves_end_before_their_ca,
)
from policy.pods import containers_have_resources_and_probes, pods_are_restricted
from policy.providers import objects_are_on_an_explicit_provider
from policy.resources import Resource
from policy.secrecy import no_key_outside_a_secret


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A rule of single resources. `broken` yields what is wrong with one, and what mends it."""

    name: str
    description: str
    broken: Callable[[Resource], Iterator[str]]


@dataclass(frozen=True, kw_only=True)
class StackRule:
    """A rule of resources together, by URN. `broken` yields what is wrong with which, once all of them are there."""

    name: str
    description: str
    broken: Callable[[Mapping[str, Resource]], Iterator[tuple[Resource, str]]]


def rules(signs: int) -> Sequence[Rule]:
    """The rules of single resources in a stack whose CA keys of generation `signs` sign."""
    return (
        Rule(
            name="no-key-outside-a-secret",
            description="Keep keys and credentials in Secrets, and Karmada's own on its Cluster object as a secret.",
            broken=no_key_outside_a_secret,
        ),
        Rule(
            name="objects-are-on-an-explicit-provider",
            description="Name the cluster of every Kubernetes object by an explicit provider.",
            broken=objects_are_on_an_explicit_provider,
        ),
        Rule(
            name="containers-have-resources-and-probes",
            description="Give every container requests, a limit of memory, and probes of liveness and readiness.",
            broken=containers_have_resources_and_probes,
        ),
        Rule(
            name="pods-are-restricted",
            description="Keep every pod to the Pod Security level restricted, but for the host's network.",
            broken=pods_are_restricted,
        ),
        Rule(
            name="certificates-have-one-use",
            description="Let a certificate serve, be a client or sign others, and nothing beside it.",
            broken=certificates_have_one_use,
        ),
        Rule(
            name="certificates-are-renewed-in-time",
            description=f"Renew every certificate before its end, and let no leaf live above {LONGEST_LIFE} hours.",
            broken=certificates_are_renewed_in_time,
        ),
        Rule(
            name="keys-are-ecdsa-p256",
            description="Make every key ECDSA with curve P256.",
            broken=keys_are_ecdsa_p256,
        ),
        Rule(
            name="ca-keys-are-protected",
            description="Protect the keys of the CAs that sign from being deleted.",
            broken=partial(ca_keys_are_protected, signs=signs),
        ),
    )


STACK_RULES: Sequence[StackRule] = (
    StackRule(
        name="leaves-end-before-their-ca",
        description="Renew a CA before a certificate that it signs could outlive it.",
        broken=leaves_end_before_their_ca,
    ),
)

"""`python -m tools.render STACK [--into DIR]`: writes a stack's manifests, and prints its resources as a tree."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pulumi

from config.problems import end_with_the_reader
from tools.render import manifests
from tools.render.mocks import PLACEHOLDER as LOAD_BALANCERS_ADDRESS
from tools.render.program import Run, run
from tools.render.stackfile import config_of


def main(arguments: Sequence[str]) -> int:
    """Renders the stack. Returns 0, or 1 after a message with what is wrong with the stack."""
    parser = argparse.ArgumentParser(prog="python -m tools.render", description=__doc__)
    parser.add_argument("stack", help="the stack whose file, Pulumi.STACK.yaml, is rendered")
    parser.add_argument("--into", type=Path, default=Path("rendered"), metavar="DIR", help="default: rendered")
    asked = parser.parse_args(arguments)
    stack: str = asked.stack
    into: Path = asked.into / stack
    try:
        ran = run(stack, config_of(stack))
        files = manifests.write(ran, into)
    except (pulumi.RunError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join([stack, *tree(ran), "", *placeholders(ran), "", f"{len(files)} manifests in {into}:"]))
    print("\n".join(f"  {file.relative_to(into)}" for file in files))
    return 0


def tree(ran: Run, below: str = "", indent: str = "  ") -> Iterator[str]:
    """A line for each resource, below its parent's: type, name, and the cluster of a Kubernetes object."""
    for each in ran.children(below or ran.stack.urn):
        cluster = f"  in {each.provider}" if each.is_kubernetes else ""
        yield f"{indent}{each.type} {each.name}{cluster}"
        yield from tree(ran, each.urn, indent + "  ")


def placeholders(ran: Run) -> Iterator[str]:
    """A line for each placeholder address in the manifests: what it stands for."""
    written = "\n".join(manifests.as_yaml(each) for each in manifests.manifests(ran).values())
    yield "Nothing was asked; keys and certificates are none. Placeholders:"
    for address, what in {**ran.placeholders, LOAD_BALANCERS_ADDRESS: "the load balancer's address"}.items():
        if manifests.holds(written, address):
            yield f"  {address}  {what}"


if __name__ == "__main__":
    end_with_the_reader()
    sys.exit(main(sys.argv[1:]))

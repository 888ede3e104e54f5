"""The machine that a stack is rendered on: every context and kind cluster exists, at an address that nobody has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from clusters.errors import Unavailable
from clusters.workstation import KindNode, processor

LAST = 254
"""How many addresses TEST-NET-1 (192.0.2.0/24, RFC 5737) has to give."""


class PlaceholderMachine:
    """A workstation of which nothing need be there. `given` says what each of its addresses stands for."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        """Any context that is asked for, each with an API server of its own."""
        return _EveryContext(self, kubeconfig)

    def kind_node(self, cluster: str) -> KindNode:
        """The node of any kind cluster."""
        return KindNode(id=f"the container of {cluster}-control-plane", address=self.address(f"kind node of {cluster}"))

    def architecture(self) -> str:
        """The processor of the machine that renders; no engine is asked."""
        return processor()

    def node_address(self, kubeconfig: str, context: str) -> str:
        """An address of a node of any cluster."""
        return self.address(f"a node of context {context}")

    def pull_members(self, kubeconfig: str, context: str, selector: str) -> Sequence[str]:
        """A member for all that a selector may match."""
        return ["discovered-member"]

    def has_monitors(self, kubeconfig: str, context: str) -> bool:
        """Every cluster has prometheus-operator's kinds."""
        return True

    def address(self, of: str) -> str:
        """The address that stands for something: the same whenever it is asked for again."""
        for address, what in self.given.items():
            if what == of:
                return address
        if len(self.given) == LAST:
            raise Unavailable(f"there are only {LAST} placeholder addresses to render with")
        address = f"192.0.2.{len(self.given) + 1}"
        self.given[address] = of
        return address


class _EveryContext(Mapping[str, str]):
    """The contexts of a kubeconfig that nobody has read: those that were asked for."""

    def __init__(self, machine: PlaceholderMachine, kubeconfig: str) -> None:
        self._machine = machine
        self._where = f" of {kubeconfig}" if kubeconfig else ""
        self._asked: list[str] = []

    def __getitem__(self, context: str) -> str:
        self._asked = list(dict.fromkeys([*self._asked, context]))
        return f"https://{self._machine.address(f'API server of context {context}{self._where}')}:6443"

    def __contains__(self, context: object) -> bool:
        return isinstance(context, str)

    def __iter__(self) -> Iterator[str]:
        return iter(self._asked)

    def __len__(self) -> int:
        return len(self._asked)

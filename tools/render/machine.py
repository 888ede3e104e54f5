"""A made-up Workstation to render a stack on: every context and kind cluster exists, at a documentation address."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from clusters.errors import Unavailable
from clusters.workstation import KindNode, processor

LAST = 254
"""Number of addresses in TEST-NET-1 (192.0.2.0/24, RFC 5737)."""


class PlaceholderMachine:
    """A Workstation that asks nothing. `given` says what each placeholder address stands for."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def servers(self, kubeconfig: str) -> Mapping[str, str]:
        """A mapping that has every context, each with an API server of its own."""
        return _EveryContext(self, kubeconfig)

    def kind_node(self, cluster: str) -> KindNode:
        """A node for any kind cluster."""
        return KindNode(id=f"the container of {cluster}-control-plane", address=self.address(f"kind node of {cluster}"))

    def architecture(self) -> str:
        """The processor of the machine that renders; no engine is asked."""
        return processor()

    def node_address(self, kubeconfig: str, context: str) -> str:
        """An address of a node, for any cluster."""
        return self.address(f"a node of context {context}")

    def pull_members(self, kubeconfig: str, context: str, selector: str) -> Sequence[str]:
        """One member, which stands for all that the selector may match."""
        return ["discovered-member"]

    def has_monitors(self, kubeconfig: str, context: str, kinds: Collection[str]) -> bool:
        """True: every cluster has the prometheus-operator's CRDs."""
        return True

    def address(self, of: str) -> str:
        """The placeholder address for something, the same at every call. Raises Unavailable where none is left."""
        for address, what in self.given.items():
            if what == of:
                return address
        if len(self.given) == LAST:
            raise Unavailable(f"there are only {LAST} placeholder addresses to render with")
        address = f"192.0.2.{len(self.given) + 1}"
        self.given[address] = of
        return address


class _EveryContext(Mapping[str, str]):
    """The contexts of a kubeconfig that is not read. It contains every context, and iterates over those looked up."""

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

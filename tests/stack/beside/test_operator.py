"""A user who runs a stack with the rights of docs/roles.yaml and no others, and asks members through Karmada."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import yaml

from clusters.errors import Unavailable
from clusters.objects import Json, text
from clusters.programs import output_of
from tests.issuing import private_key_pem, request
from tests.proof import note
from tests.stack import environment
from tests.stack.checkout_commands import doctor
from tests.stack.delivered import in_member, unchanged, works
from tests.stack.environment import HOST, KARMADA, NAMESPACE, Site
from tests.stack.kubeconfigs import End, encoded, seen, write
from tests.stack.kubectl import apply, kubectl
from tests.stack.nodes import HOST_NODE, address_of, answers_itself
from tests.stack.refusals import succeeds
from tools.checkout import DESTROY, ROOT, UP, Checkout

pytestmark = pytest.mark.long

USER = "operator-of-a-test"
ROLES: Mapping[str, Json] = {
    text(each, "metadata", "name"): each for each in yaml.safe_load_all((ROOT / "docs" / "roles.yaml").read_text())
}


@contextmanager
def applied(end: tuple[str, str], *manifests: Json) -> Generator[None]:
    """Objects in an API; gone in the end."""
    with ExitStack() as made:
        for each in manifests:
            apply(kubectl(*end), each)
            where = [f"--namespace={namespace}"] if (namespace := text(each, "metadata", "namespace")) else []
            named = f"{text(each, 'kind')}/{text(each, 'metadata', 'name')}"
            made.callback(output_of, kubectl(*end, "delete", named, *where, "--ignore-not-found"), 60)
        yield


def bound(role: str, namespace: str = "") -> list[Json]:
    """One of the documented roles, and its binding for the user."""
    binding: Json = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": USER, **({"namespace": namespace} if namespace else {})},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": USER}],
    }
    return [ROLES[role], binding]


def certificate(end: tuple[str, str], key: str) -> str:
    """The user's, for a day, signed by an API's own CA; base64 of PEM."""
    signing = request({"privateKeyPem": key, "subject": {"commonName": USER}})
    manifest: Json = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": USER},
        "spec": {
            "request": encoded(signing),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "expirationSeconds": 86_400,
            "usages": ["client auth"],
        },
    }
    with applied(end, manifest):
        output_of(kubectl(*end, "certificate", "approve", USER))
        signed = "--for=jsonpath={.status.certificate}"
        output_of(kubectl(*end, "wait", f"csr/{USER}", signed, "--timeout=30s"), 40)
        return output_of(kubectl(*end, "get", f"csr/{USER}", "--output=jsonpath={.status.certificate}"))


@pytest.fixture(scope="module")
def config(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The user's kubeconfig of the host and the Karmada API, with contexts of the usual names."""
    key = private_key_pem()
    ends: dict[str, End] = {}
    for end in (HOST, KARMADA):
        cluster, _ = seen(end)
        ends[end[1]] = cluster, {"client-certificate-data": certificate(end, key), "client-key-data": encoded(key)}
    file = tmp_path_factory.mktemp("operator") / "config"
    write(file, ends)
    with applied(HOST, *bound("karmada-anp-proxies", site.namespace)), applied(KARMADA, *bound("karmada-anp-members")):
        yield file


NEEDED = (
    "get deployments/karmada-agent",
    "patch deployments/karmada-agent",
    "list pods",
    "get deployments/proxy-agent-delivered",
    "create pods --subresource=portforward",
)
OTHERS = ("delete deployments/karmada-agent", "patch deployments/proxy-agent-delivered", "get secrets", "create pods")


def allowed(config: Path, name: str) -> Sequence[str]:
    """What of all that the user may in a member through Karmada."""
    (server,) = [each for each in environment.through_karmada(name) if each.startswith("--server=")]
    asks = kubectl(str(config), KARMADA[1], server, "auth", "can-i", "--quiet", f"--namespace={NAMESPACE}")
    found: list[str] = []
    for each in (*NEEDED, *OTHERS):
        with suppress(Unavailable):
            output_of([*asks, *each.split()])
            found.append(each)
    return found


def test_members_let_the_user_do_what_the_stack_needs_and_no_more(
    dev: Checkout, site: Site, config: Path, before: Mapping[str, Json]
) -> None:
    dev.configure(
        host={
            "kubeconfig": str(config),
            "context": HOST[1],
            "kind": HOST[1],
            "namespace": site.namespace,
            "address": address_of(HOST_NODE),
        },
        members={name: {"access": "karmada", "kind": name} for name in site.joined},
    )
    dev.select()
    done = dev.run(*UP)
    rights = {name: allowed(config, name) for name in site.joined}
    note(
        "Delivered",
        tried="up as a user outside system:masters with docs/roles.yaml",
        expected="each member is reached; there the user may what the stack needs, and no more",
        seen=f"exit {done.returncode}; {rights}",
    )
    succeeds(done)
    for name in site.joined:
        assert f"{name}: reached through Karmada" in done.stdout
        assert answers_itself(name)
        assert rights[name] == list(NEEDED)
    found = doctor(dev)
    note("Delivered", tried="make doctor as that user", expected="all right", seen=found.stdout.splitlines()[-1])
    succeeds(found)
    unchanged(dev)
    succeeds(dev.run(*DESTROY))
    for name in site.joined:
        assert (works(name), in_member(name)) == ([], [])
        assert environment.healthy(name)
    assert environment.agent_specs(site.joined) == before

"""The image of deploy/Dockerfile and the CronJobs of deploy/cluster, in the host cluster, as docs/operations.md has it.

The state is in a directory of the node, and no kubeconfig of a member is anywhere.
Skipped where Pulumi's image, on which it is built, is neither here nor to be had.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import cast

import pytest
import yaml

from clusters.errors import Unavailable
from clusters.objects import Json, at, items, number, text
from clusters.programs import output_of
from components.anp import DELIVERED_AGENT
from tests.proof import note
from tests.stack import environment
from tests.stack.delivered import label
from tests.stack.environment import HOST, HOST_CONFIG, KARMADA, NAMESPACE, SITE, member
from tests.stack.interrupted import ADOPT, pending, repair, state
from tests.stack.kubeconfigs import encoded, seen, write
from tests.stack.kubectl import apply, kubectl, objects
from tests.stack.nodes import HOST_NODE, address_of
from tests.stack.refusals import gives_back, succeeds
from tools.checkout import ROOT, UP, Checkout

pytestmark = pytest.mark.long

PART = "In the cluster"
IMAGE = "localhost/karmada-anp/program:test"
OURS = "karmada-anp"
"""The namespace of deploy/cluster/access.yaml."""
STATE = "/var/lib/karmada-anp-state"
"""The state's directory on the node."""
LABEL = "karmada-anp.test/in-cluster"
PASSPHRASE = "PULUMI_CONFIG_PASSPHRASE"
SECONDS, GRACE = 600.0, 900.0
"""How long a Job may take, and how long a pod that is stopped may."""

Files = Mapping[str, str]


@pytest.fixture(scope="module")
def image(clusters: None) -> str:
    """Its size and user; it is in the host's node."""
    file = (ROOT / "deploy/Dockerfile").read_text()
    base = next(line.split()[1] for line in file.splitlines() if line.startswith("FROM "))
    for command in (["docker", "image", "inspect", base], ["docker", "pull", "--quiet", base]):
        if subprocess.run(command, capture_output=True, check=False, timeout=300).returncode == 0:
            break
    else:
        pytest.skip(f"{base} is not in the Docker engine, and cannot be pulled")
    build = ["docker", "build", "--quiet", "--file=deploy/Dockerfile", f"--tag={IMAGE}", "."]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    succeeds(done)
    output_of(["kind", "load", "docker-image", IMAGE, "--name", HOST[1]], 300)
    return output_of(["docker", "image", "inspect", "--format={{.Size}} bytes, user {{.Config.User}}", IMAGE]).strip()


@pytest.fixture(scope="module")
def prod(
    tmp_path_factory: pytest.TempPathFactory, backend: Path, image: str, before: Mapping[str, Json]
) -> Iterator[Checkout]:
    """A checkout with a stack that exists and is empty. What is deployed is destroyed from here in the end, with the
    state that the Jobs have left on the node."""
    stack = Checkout(tmp_path_factory.mktemp("prod"), backend, "prod", like="dev")
    stack.configure(members=environment.settings_of(*environment.members()))
    with ExitStack() as undone:
        undone.callback(output_of, ["docker", "image", "rm", "--force", IMAGE])
        undone.callback(lambda: stack.select().destroy())
        images = stack.select().up().outputs["images"].value
        stack.select().destroy()
        # whose karmada-agents have just started again: one that is not Ready yet would be left behind
        assert [name for name in SITE.joined if not environment.healthy(name)] == []
        stack.configure(
            # the account of deploy/cluster may list no nodes, by which it would be found
            host={"context": HOST[1], "address": address_of(HOST_NODE)},
            memberDefaults={"access": "karmada"},
            members={},
            discover={"selector": LABEL},
            images=images,
            proxy={"exposure": "nodePort"},
        )
        stack.environment["KUBECONFIG"] = str(Path(HOST_CONFIG).expanduser())
        undone.callback(on_node, "rm", "-rf", STATE)
        on_node("rm", "-rf", STATE)
        on_node("mkdir", STATE)
        put_back(backend)
        undone.callback(repair, stack)
        undone.callback(taken_back, backend)
        for name in SITE.joined:
            undone.callback(label, name, f"{LABEL}-")
        label(SITE.plain, f"{LABEL}=yes")
        undone.callback(leave)
        deploy(stack)
        yield stack


def leave() -> None:
    """Deletes what was typed before the first Job, once no Job is left."""
    within = f"--timeout={SECONDS + GRACE:.0f}s"
    output_of(kubectl(*HOST, "delete", "jobs", "--all", f"--namespace={OURS}", within), SECONDS + GRACE + 10)
    roles = [f"clusterrole/karmada-anp-{each}" for each in ("proxies", "agents", "members")]
    gone = [f"namespace/{OURS}", "persistentvolume/state", *roles]
    output_of(kubectl(*HOST, "delete", "--ignore-not-found", *gone), 120)
    binding = ["rolebinding/karmada-anp-proxies", f"--namespace={NAMESPACE}"]
    output_of(kubectl(*HOST, "delete", "--ignore-not-found", *binding))


def deploy(stack: Checkout) -> None:
    """What is typed before the first Job."""
    for file in ("docs/roles.yaml", "deploy/cluster/access.yaml"):
        for each in documents(file):
            apply(kubectl(*HOST), each)
    files(stack)
    kubeconfig = stack.directory / "kubeconfig"
    write(kubeconfig, {KARMADA[1]: seen(KARMADA)})
    secret = {"kubeconfig": kubeconfig.read_text(), "passphrase": stack.environment[PASSPHRASE]}
    kubeconfig.unlink()
    held("Secret", {name: encoded(each) for name, each in secret.items()})
    for each in (*volume(), cron_job("up"), cron_job("drift")):
        apply(kubectl(*HOST), each)


def taken_back(backend: Path) -> None:
    """Copies the state that the Jobs have left."""
    output_of(["docker", "cp", f"{HOST_NODE}:{STATE}/.", str(backend)])


def put_back(backend: Path) -> None:
    """Copies the state to where the Jobs find it."""
    output_of(["docker", "cp", f"{backend}/.", f"{HOST_NODE}:{STATE}"])
    on_node("chown", "-R", "1000:1000", STATE)


def on_node(*command: str) -> None:
    output_of(["docker", "exec", HOST_NODE, *command])


def documents(file: str) -> list[Json]:
    """A file's objects; the stack's own namespace is the one that Karmada has here."""
    return [cast("Json", each) for each in yaml.safe_load_all(read(file).replace("karmada-tunnel", NAMESPACE))]


def read(file: str) -> str:
    return (ROOT / file).read_text()


def held(kind: str, data: Files) -> None:
    """The ConfigMap or Secret `prod`."""
    metadata: Json = {"name": "prod", "namespace": OURS}
    apply(kubectl(*HOST), {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": data})


def files(stack: Checkout) -> None:
    """What the ConfigMap has: the backend and the stack's file."""
    held(
        "ConfigMap",
        {"backend": "file:///state", "Pulumi.prod.yaml": (stack.directory / "Pulumi.prod.yaml").read_text()},
    )


def volume() -> list[Json]:
    """The state's directory, as a claim that a restricted pod may mount."""
    size: Json = {"storage": "100Mi"}
    modes: Json = ["ReadWriteOnce"]
    return [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "state"},
            "spec": {"capacity": size, "accessModes": modes, "hostPath": {"path": STATE}, "storageClassName": "state"},
        },
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "state", "namespace": OURS},
            "spec": {"accessModes": modes, "resources": {"requests": size}, "storageClassName": "state"},
        },
    ]


def cron_job(run: str) -> Json:
    """A file's CronJob with the image, and the volume with the state. It is suspended: the test starts its Jobs."""
    (found,) = documents(f"deploy/cluster/{run}.yaml")
    changed = cast("dict[str, Json]", json.loads(json.dumps(found).replace('"IMAGE"', json.dumps(IMAGE))))
    spec = cast("dict[str, Json]", changed["spec"])
    spec["suspend"] = True
    pod = cast("dict[str, list[Json]]", at(spec, "jobTemplate", "spec", "template", "spec"))
    pod["volumes"].append({"name": "state", "persistentVolumeClaim": {"claimName": "state"}})
    cast("dict[str, list[Json]]", pod["containers"][0])["volumeMounts"].append({"name": "state", "mountPath": "/state"})
    return changed


def start(run: str, name: str) -> None:
    output_of(kubectl(*HOST, f"--namespace={OURS}", "create", "job", name, f"--from=cronjob/prod-{run}"))


def log(name: str) -> str:
    try:
        return output_of(kubectl(*HOST, f"--namespace={OURS}", "logs", f"job/{name}"))
    except Unavailable:
        return ""


def ended(name: str) -> tuple[bool, str]:
    """Whether a Job succeeded, and what it wrote."""
    ends = time.monotonic() + SECONDS
    job: Json = None
    while not (number(job, "status", "succeeded") or number(job, "status", "failed")) and time.monotonic() < ends:
        time.sleep(2)
        (job,) = objects(kubectl(*HOST, f"--namespace={OURS}", "get", f"job/{name}"))
    written = log(name)
    print(written)
    return number(job, "status", "succeeded") == 1, written


def certificate(name: str) -> str:
    """The Secret with the certificate that a member's agents have: named by what is in it."""
    (agent,) = objects(kubectl(*member(name), "get", f"deployment/{DELIVERED_AGENT}", f"--namespace={NAMESPACE}"))
    volumes = items(agent, "spec", "template", "spec", "volumes")
    return next(text(each, "secret", "secretName") for each in volumes if text(each, "name") == "cert")


def test_from_nothing_a_job_brings_the_stack_up(prod: Checkout, image: str) -> None:
    start("up", "first")
    done, written = ended("first")
    last = written.strip().splitlines()[-1:]
    note(PART, tried=f"a Job's first up; image of {image}", expected="reached, behind: none", seen=f"{done}: {last}")
    assert done
    assert f"{SITE.plain}: reached through Karmada" in written
    assert last == ["behind: none"]


def test_a_later_one_renews_every_leaf_and_takes_in_whoever_has_the_label_by_then(prod: Checkout) -> None:
    before = certificate(SITE.plain)
    label(SITE.registered, f"{LABEL}=yes")
    prod.configure(certificates={"validityHours": 8_000})
    files(prod)
    start("up", "second")
    done, written = ended("second")
    renewed = certificate(SITE.plain) != before
    what = f"{done}, renewed: {renewed}"
    note(PART, tried="its second, after a member was labelled", expected="both reached, leaves renewed", seen=what)
    assert done
    assert renewed
    for name in SITE.joined:
        assert f"{name}: reached through Karmada" in written


def test_drift_is_looked_for_there_too(prod: Checkout) -> None:
    start("drift", "drift")
    done, written = ended("drift")
    assert done, written
    assert "no drift" in written


def test_a_pod_that_is_stopped_in_an_up_records_what_it_did_and_the_next_goes_on(prod: Checkout, backend: Path) -> None:
    """Now and then Pulumi does not come to record something that it made, which is forced here: a person goes on once,
    as docs/operations.md says."""
    prod.configure(certificates={"validityHours": 8_100})
    files(prod)
    start("up", "stopped")
    ends = time.monotonic() + SECONDS
    while "updating" not in log("stopped") and time.monotonic() < ends:
        time.sleep(0.5)
    pod = ["pod", "--selector=job-name=stopped"]
    output_of(kubectl(*HOST, f"--namespace={OURS}", "delete", *pod), GRACE)
    assert not ended("stopped")[0]
    taken_back(backend)
    assert pending(prod) == []
    forget(prod, f"{SITE.plain}-proxy-agent-policy-networkpolicy")
    put_back(backend)
    start("up", "refused")
    done, written = ended("refused")
    assert not done
    assert "already exists" in written
    taken_back(backend)
    succeeds(prod.run(*UP, **ADOPT))
    put_back(backend)
    start("up", "again")
    done, written = ended("again")
    note(
        PART,
        tried="a Job's pod is deleted in an up, then another Job; what was not recorded is taken over by hand",
        expected="it goes on",
        seen=str(done),
    )
    assert done, written
    taken_back(backend)
    assert pending(prod) == []


def forget(stack: Checkout, resource: str) -> None:
    """Deletes a resource from the state, and whatever depends on it."""
    (urn,) = [each for each in state(stack) if each.endswith(f"::{resource}")]
    succeeds(stack.run("state", "delete", urn, "--target-dependents", "--yes"))


def test_destroy_gives_everything_back(prod: Checkout, backend: Path, before: Mapping[str, Json]) -> None:
    taken_back(backend)
    gives_back(prod, before)
    put_back(backend)

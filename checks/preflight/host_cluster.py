"""What the host cluster says: whether proxy-server's place is there and free."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from checks.preflight import adoption, rights
from checks.preflight.told import Told, asked, no_answer, no_namespace, of_kind, pull_secrets
from clusters.workstation import Unavailable
from components.anp import GUARD, SERVER, SERVER_CERT_SECRET
from config.settings import Settings


def tell(settings: Settings) -> Told:
    """Its problems, its identity, whether a proxy-server is there and whether it is one to be taken over."""
    of = settings.host
    wanted = [f"namespace/{of.namespace}", f"deployment/{SERVER}", f"--namespace={of.namespace}"]
    with ThreadPoolExecutor(1) as beside:
        standing = beside.submit(adoption.made_by_hand, of, SERVER, [SERVER_CERT_SECRET])
        try:
            told, found = asked("host.context", of, of.context, wanted, rights.of_host(settings))
            told.problems += pull_secrets(of, settings.images)
        except Unavailable as reason:
            return Told([no_answer("host.context", of.context, reason)])
    if not of_kind(found, "Namespace", of.namespace):
        told.problems.append(no_namespace("host", of))
    told.has_server = bool(of_kind(found, "Deployment", SERVER))
    told.problems += adoption.problems(of, standing.result(), [SERVER, GUARD], settings.proxy.adopt)
    told.adopts = bool(standing.result())
    return told

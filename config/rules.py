"""What a stack's config must be beyond its types: each rule yields its problems. Pure; config.py applies them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from config.problems import Problem, config_rm, config_set
from config.settings import (
    BUILTIN_PORT,
    OWN_PORTS,
    UPSTREAM,
    Certificates,
    Exposure,
    Frontend,
    Host,
    Images,
    MemberSettings,
    MonitoringSettings,
    Proxy,
)

DNS_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?(\.[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?)*")


def is_loopback(host: str) -> bool:
    """Whether an address or name stays on the machine that asks."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def is_host(name: str) -> bool:
    """Whether a text is an IP address or a DNS name, and nothing around it."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return DNS_NAME.fullmatch(name) is not None
    return True


def host_of(url: str) -> str:
    """The host of a URL, or an empty text where there is none to be found."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def endpoint_problems(key: str, endpoint: str) -> Iterator[Problem]:
    """A member's API endpoint is what others dial: https, with a host as it is compared, and not loopback."""
    mend = config_set(key, "https://ADDRESS:6443")
    host = host_of(endpoint)
    try:
        url = urlsplit(endpoint)
        _ = url.port
    except ValueError:
        yield Problem(key, f'"{endpoint}" is no URL with a valid host and port', mend)
        return
    if url.scheme != "https":
        yield Problem(key, f'"{endpoint}" is not https', mend)
    if not host:
        yield Problem(key, f'"{endpoint}" lacks a host', mend)
    elif not is_host(host):
        yield Problem(key, f'"{endpoint}" has a host that is neither an IP address nor a DNS name', mend)
    elif is_loopback(host):
        yield Problem(key, f'"{endpoint}" is loopback: Karmada and the tunnel need the address that others use', mend)
    elif url.netloc != url.netloc.lower():
        why = f'"{endpoint}" has capitals in its host, which the guard and the server compare letter by letter'
        yield Problem(key, why, config_set(key, url._replace(netloc=url.netloc.lower()).geturl()))


def address_problems(key: str, address: str) -> Iterator[Problem]:
    """The host's address is what members dial: a host alone, and not loopback."""
    if not is_host(address):
        why = f'"{address}" is neither an IP address nor a DNS name'
        yield Problem(key, why, config_set(key, "ADDRESS"))
    elif is_loopback(address):
        yield Problem(key, f'"{address}" is loopback: no member could dial it', config_set(key, "ADDRESS"))


def host_problems(host: Host) -> Iterator[Problem]:
    """The host cluster and the Karmada API that runs in it are two."""
    if host.context == host.karmada_context:
        default = host.karmada_context == Host.model_fields["karmada_context"].default
        key, other = ("context", "karmadaContext") if default else ("karmadaContext", "context")
        why = f'"{host.context}" is host.{other} too: the host cluster and the Karmada API that runs in it are two'
        yield Problem(f"host.{key}", why, config_set(f"host.{key}", "CONTEXT"))


def members_problems(host: Host | None, members: Mapping[str, MemberSettings]) -> Iterator[Problem]:
    """Members are told apart by name and by the host of their endpoint, and none is the host cluster."""
    names: dict[str, str] = {}
    endpoints: dict[str, str] = {}
    for key, member in members.items():
        if member.name in names:
            why = f'"{member.name}" is the name of {names[member.name]} too'
            yield Problem(f"{key}.name", why, config_set(f"{key}.name", "NAME"))
        if member.host and member.host in endpoints:
            other = endpoints[member.host]
            why = f'"{member.api_endpoint}" has the host of {other} too; the server tells members apart by it'
            yield Problem(f"{key}.apiEndpoint", why, config_set(f"{key}.apiEndpoint", "https://ADDRESS:6443"))
        if host and _same_cluster(host, member):
            why = f'"{member.context}" is the host cluster (host.context, host.karmadaContext or host.kind)'
            yield Problem(f"{key}.context", why, config_set(f"{key}.context", "CONTEXT"))
        names.setdefault(member.name, key)
        endpoints.setdefault(member.host, key)


def _same_cluster(host: Host, member: MemberSettings) -> bool:
    if member.kind and member.kind == host.kind:
        return True
    return member.kubeconfig == host.kubeconfig and member.context in (host.context, host.karmada_context)


def images_problems(images: Images, proxy: Proxy | None) -> Iterator[Problem]:
    """Images are either built, from pinned sources that fit the frontend, or published."""
    if images.build and (images.server or images.agent):
        why = "both built (images.build) and published (images.server, images.agent) images are given"
        yield Problem("images", why, f"{config_rm('images.build')}, or the other two")
    elif not images.build and not images.server and not images.agent:
        why = "neither built (images.build) nor published (images.server, images.agent) images are given"
        yield Problem(
            "images",
            why,
            f"{config_rm('images')} builds upstream's current release; beside other keys, so does `build: {{}}`",
        )
    elif not images.build and not (images.server and images.agent):
        missing = "agent" if images.server else "server"
        why = f"it is missing, though images.{'server' if images.server else 'agent'} is given"
        yield Problem(f"images.{missing}", why, config_set(f"images.{missing}", "IMAGE"))
    build = images.build
    if images.push and not build:
        why = "it is true, but nothing is built: images.server and images.agent are published ones"
        yield Problem("images.push", why, config_rm("images.push"))
    elif images.push and images.registry.startswith("localhost/"):
        why = f'"{images.registry}" is no registry that the clusters could pull from, though images.push is true'
        yield Problem("images.registry", why, config_set("images.registry", "REGISTRY/PREFIX"))
    if images.credentials and not images.push:
        why = "it is given, but nothing is pushed (images.push); pods pull with images.pullSecrets"
        yield Problem("images.credentials", why, config_rm("images.credentials"))
    if images.pull_secrets and proxy and proxy.frontend is Frontend.BUILTIN:
        why = "it needs the guarded frontend: with the builtin one pods are those that are documented"
        yield Problem("images.pullSecrets", why, config_rm("images.pullSecrets"))
    if not build:
        return
    if "ref" in build.model_fields_set or "repository" in build.model_fields_set:
        for name in sorted({"ref", "commit"} - build.model_fields_set):
            why = "it is missing: sources are pinned by ref and commit together"
            yield Problem(f"images.build.{name}", why, config_set(f"images.build.{name}", name.upper()))
    repository = build.repository.removesuffix("/").removesuffix(".git")
    if proxy and proxy.frontend is Frontend.BUILTIN and repository.endswith(UPSTREAM.split("://")[1]):
        why = f'"builtin", but {build.repository} has no plain port of its own'
        yield Problem("proxy.frontend", why, config_set("proxy.frontend", Frontend.GUARDED))


def proxy_problems(proxy: Proxy) -> Iterator[Problem]:
    """What goes with the host network, with a Service, and with the fork; and a port that ANP leaves free."""
    if proxy.port in OWN_PORTS:
        why = f"{proxy.port} is one of those that ANP and the guard use ({OWN_PORTS[0]} to {OWN_PORTS[-1]})"
        yield Problem("proxy.port", why, config_set("proxy.port", str(BUILTIN_PORT)))
    if proxy.frontend is Frontend.BUILTIN:
        yield from _builtin_problems(proxy)
    elif proxy.exposure is Exposure.HOST_NETWORK:
        if proxy.replicas > 1:
            why = f"{proxy.replicas} is above 1: on the host network a second proxy-server finds its ports taken"
            mend = f"{config_set('proxy.replicas', '1')}, or {config_set('proxy.exposure', 'loadBalancer')}"
            yield Problem("proxy.replicas", why, mend)
    elif proxy.allowed_sources:
        why = f"it is for the host network; with exposure {proxy.exposure} a NetworkPolicy lets Karmada's pods alone in"
        yield Problem("proxy.allowedSources", why, config_rm("proxy.allowedSources"))
    for i, source in enumerate(proxy.allowed_sources):
        yield from _source_problems(f"proxy.allowedSources[{i}]", source)
    if proxy.node_port and proxy.exposure is not Exposure.NODE_PORT:
        why = f"{proxy.node_port}, but proxy.exposure is {proxy.exposure}"
        mend = f"{config_rm('proxy.nodePort')}, or {config_set('proxy.exposure', 'nodePort')}"
        yield Problem("proxy.nodePort", why, mend)
    if proxy.service_annotations and proxy.exposure is Exposure.HOST_NETWORK:
        why = "on the host network there is no Service to annotate"
        yield Problem("proxy.serviceAnnotations", why, config_rm("proxy.serviceAnnotations"))


def _builtin_problems(proxy: Proxy) -> Iterator[Problem]:
    """The fork is deployed as documented: one server, on the host network, its port open to anyone."""
    if proxy.port != BUILTIN_PORT:
        why = f"{proxy.port}, but the builtin frontend's port is {BUILTIN_PORT}, fixed in its code"
        yield Problem("proxy.port", why, config_set("proxy.port", str(BUILTIN_PORT)))
    if proxy.exposure is not Exposure.HOST_NETWORK:
        why = f'"{proxy.exposure}" needs the guarded frontend: the builtin one is deployed as it is documented'
        yield Problem("proxy.exposure", why, config_set("proxy.exposure", Exposure.HOST_NETWORK))
    if proxy.replicas > 1:
        why = f"{proxy.replicas} is above 1, but the builtin frontend is deployed as it is documented"
        yield Problem("proxy.replicas", why, config_set("proxy.replicas", "1"))
    for key, given in (("nodeSelector", proxy.node_selector), ("tolerations", proxy.tolerations)):
        if given:
            why = "it needs the guarded frontend: the builtin one is deployed as it is documented"
            yield Problem(f"proxy.{key}", why, config_rm(f"proxy.{key}"))
    if proxy.allowed_sources:
        why = "the builtin frontend is open to anyone; only the guard can look at who asks"
        yield Problem("proxy.allowedSources", why, config_set("proxy.frontend", Frontend.GUARDED))


def _source_problems(key: str, source: str) -> Iterator[Problem]:
    try:
        ipaddress.ip_network(source)
    except ValueError as reason:
        yield Problem(key, f'"{source}" is no network in CIDR notation: {reason}', config_set(key, "10.0.0.0/16"))


def certificates_problems(certificates: Certificates) -> Iterator[Problem]:
    """Renewal comes before the end, and a CA outlives what it signs."""
    life, before, ca = (
        certificates.validity_hours,
        certificates.renew_before_hours,
        certificates.ca_validity_hours,
    )
    if before >= life:
        why = f"{before} is not below validityHours ({life}): every `up` would renew"
        yield Problem(
            "certificates.renewBeforeHours", why, config_set("certificates.renewBeforeHours", str(max(1, life // 12)))
        )
    if ca <= life + before:
        why = f"{ca} is not above validityHours and renewBeforeHours together ({life + before}): it must outlive leaves"
        yield Problem("certificates.caValidityHours", why, config_set("certificates.caValidityHours", str(10 * life)))
    trusted = certificates.trusted_ca_keys
    if trusted and certificates.ca_key not in trusted:
        why = (
            f"{list(trusted)} lacks {certificates.ca_key}, certificates.caKey: what it signs would be trusted by nobody"
        )
        yield Problem("certificates.trustedCaKeys", why, "`make rotate-ca` goes from one key to the next")
    elif len(certificates.trusted) > 2:
        why = f"{list(trusted)} are more than two: a change of keys goes from one to the next"
        yield Problem("certificates.trustedCaKeys", why, "`make rotate-ca` goes from one key to the next")


def monitoring_problems(
    monitoring: MonitoringSettings, certificates: Certificates, proxy: Proxy | None
) -> Iterator[Problem]:
    """An alert must not fire before `up` could have renewed what it is about; and the fork's pods name no ports."""
    if monitoring.enabled and proxy and proxy.frontend is Frontend.BUILTIN:
        why = "it is true, but the builtin frontend is deployed as it is documented, which is without monitoring"
        yield Problem("monitoring.enabled", why, config_set("monitoring.enabled", "false"))
    days, before = monitoring.certificate_days, certificates.renew_before_hours
    if monitoring.enabled and days * 24 >= before:
        why = f"{days} days are not below certificates.renewBeforeHours ({before}): it would fire before `up` renews"
        key = "monitoring.certificateDays"
        yield Problem(key, why, config_set(key, str(max(1, before // 48))))

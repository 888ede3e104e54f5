"""Reads a stack's config into Settings: `load`, which __main__.py calls, and tools/stack.py for what make runs.

`load` depends on the config's values and on the answers of a Workstation alone, and changes nothing. All problems are
reported together. What must be asked of clusters, checks/preflight asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TypeVar, cast, get_args

import pulumi
from pulumi.runtime.config import get_config_secret_keys_env
from pydantic import TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from clusters.workstation import Workstation
from config.explanations import explained, no_such_key
from config.fields import MEMBER_NAME, ClusterName, Model, is_loopback
from config.image_settings import BuiltImages, Images, variant_of_images
from config.listed_members import as_map
from config.lookups import Lookups
from config.pod_settings import PodSettings, Rollout
from config.problems import PROJECT, Problem, config_key, config_rm, config_set
from config.proxy_settings import AsDocumented, Exposure, Frontend, Proxy, variant_of_proxy
from config.run_error import refusal
from config.settings import (
    Access,
    Away,
    Certificates,
    Discover,
    Host,
    MemberDefaults,
    MemberSettings,
    MonitoringSettings,
    Settings,
)

SECTIONS: Mapping[str, Sequence[type[Model]]] = {
    "host": [Host],
    "memberDefaults": [MemberDefaults],
    "members": [MemberSettings],
    "discover": [Discover],
    "away": [Away],
    "images": get_args(Images),
    "proxy": get_args(Proxy),
    "certificates": [Certificates],
    "monitoring": [MonitoringSettings],
}
"""The sections of the config, each with its variants, of which it holds one; `members` holds one for each name."""

GUARDED_ONLY_KEYS = {
    *("access", "api_address", "api_ports", "log_level", "egress_proxy", "image", "guard_image"),
    *PodSettings.model_fields.keys() - Rollout.model_fields.keys(),
}
"""Keys of a member that set something which the documented Deployments, without the guard, do not have."""

M = TypeVar("M", bound=Model)


def values() -> dict[str, str]:
    """The stack's config values by section, as Pulumi hands them to the program, without other projects' keys."""
    prefix = f"{PROJECT}:"
    every: dict[str, str] = pulumi.runtime.get_config_env()
    return {key.removeprefix(prefix): value for key, value in every.items() if key.startswith(prefix)}


def secrets() -> frozenset[str]:
    """The names of the sections that hold something encrypted."""
    encrypted = set(get_config_secret_keys_env())
    return frozenset(key for key in SECTIONS if f"{PROJECT}:{key}" in encrypted)


def load(
    values: Mapping[str, str], workstation: Workstation, secret: Collection[str] = frozenset(SECTIONS)
) -> Settings:
    """Makes Settings from config values, JSON by section. Raises pulumi.RunError with all problems.

    `secret` are the sections that hold something encrypted, by default all: a problem shows no value of theirs.
    """
    problems = [no_such_key(key, key, SECTIONS) for key in sorted(set(values) - set(SECTIONS))]
    read = _Sections(values, secret, problems)
    host = read.host()
    defaults = read.section("memberDefaults", lambda _: MemberDefaults)
    discover = read.section("discover", lambda _: Discover)
    away = read.section("away", lambda _: Away)
    known = Lookups(workstation, problems)
    found = known.discovered(host, discover.selector) if host and discover and discover.selector else ()
    members = read.members(defaults, found, needed=not (discover and discover.selector))
    images = read.section("images", variant_of_images)
    proxy = read.section("proxy", variant_of_proxy)
    certificates = read.section("certificates", lambda _: Certificates)
    monitoring = read.section("monitoring", lambda _: MonitoringSettings)

    if host:
        host = known.complete_host(host, proxy.exposure if proxy else Exposure.HOST_NETWORK)
    gone = [each.model_copy(update={"context": each.context or each.name}) for each in members if each.gone]
    members = [each for each in members if not each.gone]
    # where memberDefaults could not be read, the members' own settings are not known either
    members = [known.complete_member(each, host) for each in members] if defaults else members
    if isinstance(images, BuiltImages):
        images = known.complete_images(images, [each for each in (host, *members) if each])
    problems += _members_are_not_the_host(host, members) if defaults else []
    if proxy and proxy.frontend is Frontend.DOCUMENTED:
        problems += _as_documented(images, monitoring)
        problems += _members_as_documented(defaults, members) if defaults else []
    elif isinstance(images, BuiltImages):
        problems += _images_can_be_pulled(images, members)
    problems += _alerts_in_time(monitoring, certificates) if monitoring and certificates else []
    if isinstance(images, BuiltImages) and images.credentials and "images" not in secret:
        key = "images.credentials.password"
        problems.append(Problem(key, "it is there in plain text", f"{config_set(key, 'PASSWORD')} --secret"))
    if problems or not (host and discover and away and images and proxy and certificates and monitoring):
        raise refusal("The stack's config has problems", problems)
    return Settings(
        host=host,
        members=members,
        gone=gone,
        discover=discover,
        away=away,
        images=images,
        proxy=proxy,
        certificates=certificates,
        monitoring=monitoring,
        kind_nodes=known.kind_nodes,
        monitored=known.monitored(
            [host, *(each for each in members if not each.delivered)], monitoring.probes is not None
        )
        if monitoring.enabled
        else (),
    )


class _Sections:
    """Reads sections into models, and collects problems. It shows no wrong value of a section that is secret."""

    def __init__(self, values: Mapping[str, str], secret: Collection[str], problems: list[Problem]) -> None:
        self._values = values
        self._secret = secret
        self._problems = problems

    def section(self, key: str, variant: Callable[[Mapping[str, object]], type[M]]) -> M | None:
        """A section, read into the variant that its keys ask for, or None after a problem."""
        raw = self._object(key)
        return None if raw is None else self._validated([key], raw, variant(raw))

    def host(self) -> Host | None:
        """The section `host`, the only one that is required, or None after a problem."""
        if "host" in self._values:
            return self.section("host", lambda _: Host)
        self._problems.append(Problem("host", "it is missing", config_set("host.context", "CONTEXT")))
        return None

    def members(
        self, defaults: MemberDefaults | None, found: Sequence[str] = (), *, needed: bool = True
    ) -> list[MemberSettings]:
        """The members that could be read, in the order of their names: those `found` by labels, and the config's.

        If `needed`, a config that names no member is a problem.
        """
        parsed = self._parsed("members")
        if isinstance(parsed, list):
            self._problems.append(as_map(cast("list[object]", parsed), shown="members" not in self._secret))
            return []
        raw = self._object("members")
        if raw == {} and needed:
            self._problems.append(
                Problem("members", "it names no member", config_set("members.MEMBER.context", "CONTEXT"))
            )
        common = defaults.model_dump(by_alias=True, exclude_unset=True) if defaults else {}
        configured: Mapping[str, object] = raw or {}
        through_karmada = {**common, "access": Access.KARMADA}
        names = sorted({*found, *configured})
        read = [
            self._member(name, configured.get(name), through_karmada if name in found else common) for name in names
        ]
        return [each for each in read if each]

    def _member(self, name: str, raw: object, common: Mapping[str, object]) -> MemberSettings | None:
        try:
            TypeAdapter(ClusterName).validate_python(name)
        except ValidationError as error:
            invalid = error.errors()[0].get("ctx", {})["error"]
            key = config_key("members", name)
            self._problems.append(
                Problem(key, f"its name, {invalid.why}", f"{config_rm(key)}, then set it by another name")
            )
            return None
        # in YAML, `member3:` with nothing below it is null
        own: object = {} if raw is None else raw
        return self._validated(["members", name], _named(_merged(common, own), name), MemberSettings)

    def _validated(self, path: Sequence[str], raw: object, variant: type[M]) -> M | None:
        """The value at a path as a model, or None after a problem. A member takes its name from the path's last key."""
        try:
            return variant.model_validate(raw, context=path[-1])
        except ValidationError as error:
            found = error.errors(include_url=False)
            self._problems.extend(explained(path, variant, SECTIONS[path[0]], each) for each in found)
            return None

    def _object(self, key: str) -> dict[str, object] | None:
        """A section's value, which must be an object, or None after a problem."""
        parsed = self._parsed(key)
        if isinstance(parsed, dict):
            return cast("dict[str, object]", parsed)
        found = "what it holds" if key in self._secret else repr(parsed)
        self._problems.append(
            Problem(key, f"{found} is not an object", f"{config_rm(key)}, then set its parts with --path")
        )
        return None

    def _parsed(self, key: str) -> object:
        text = self._values.get(key, "{}")
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text


def _merged(common: object, own: object) -> object:
    """The `own` keys over the `common` ones, recursively where both are objects."""
    if not (isinstance(common, Mapping) and isinstance(own, Mapping)):
        return own
    common, own = cast("Mapping[str, object]", common), cast("Mapping[str, object]", own)
    return {**common, **{key: _merged(common.get(key), each) for key, each in own.items()}}


def _named(member: object, name: str) -> object:
    """A member's keys with `{name}` replaced by its name, in the proxies' namespace and in `agent`."""
    if isinstance(member, str):
        return member.replace(MEMBER_NAME, name)
    if not isinstance(member, Mapping):
        return member
    keys = cast("Mapping[str, object]", member)
    return {**keys, **{key: _named(keys[key], name) for key in ("namespace", "agent") if key in keys}}


def _images_can_be_pulled(images: BuiltImages, members: Sequence[MemberSettings]) -> Iterator[Problem]:
    """A member with `access: karmada` must be able to pull its image, unless it is a kind cluster, into which `up`
    loads it."""
    for member in members:
        if member.delivered and not (images.push or member.kind or member.image or member.paused):
            key = config_key("members", member.name)
            why = "its images are built here, and not pushed, so that this cluster cannot pull them"
            yield Problem(key, why, f"{config_set('images.push', 'true')}, and set images.registry; or set {key}.image")


def _members_are_not_the_host(host: Host | None, members: Sequence[MemberSettings]) -> Iterator[Problem]:
    """No member may be the host cluster."""
    for member in members:
        key = config_key("members", member.name)
        if host and not member.delivered and _same_cluster(host, member):
            why = f'"{member.context}" is the host cluster (host.context, host.karmadaContext or host.kind)'
            yield Problem(f"{key}.context", why, config_set(f"{key}.context", "CONTEXT"))


def _same_cluster(host: Host, member: MemberSettings) -> bool:
    if member.kind and member.kind == host.kind:
        return True
    return member.kubeconfig == host.kubeconfig and member.context in (host.context, host.karmada_context)


def _members_as_documented(defaults: MemberDefaults, members: Sequence[MemberSettings]) -> Iterator[Problem]:
    """With `frontend: documented`, proxy-server tells members apart by the host of `apiEndpoint`, which proxy-agent
    dials: it must be unique, and not loopback. Keys that only a guarded stack has are refused."""
    endpoints: dict[str, str] = {}
    for member in members:
        key = config_key("members", member.name)
        endpoint, why = f"{key}.apiEndpoint", ""
        other = endpoints.setdefault(member.host, key)
        if member.host and other != key:
            why = f"has the host of {other} too; proxy-server tells members apart by it"
        elif member.host and is_loopback(member.host):
            why = "is loopback, which proxy-agent dials in its own pod"
        elif member.api_endpoint != member.api_endpoint.lower():
            why = "has capitals in its host, which proxy-server compares letter by letter"
        if why:
            remedy = config_set(endpoint, "https://ADDRESS:6443")
            yield Problem(endpoint, f'"{member.api_endpoint}" {why}', f"with {AsDocumented.when}: {remedy}")
    places: Mapping[str, MemberDefaults] = {
        "memberDefaults": defaults,
        **{config_key("members", each.name): each for each in members},
    }
    for place, of in places.items():
        common: set[str] = set() if of is defaults else defaults.model_fields_set
        for name in sorted(GUARDED_ONLY_KEYS & (of.model_fields_set - common)):
            key = f"{place}.{to_camel(name)}"
            yield Problem(key, f"there is no such key with {AsDocumented.when}: {AsDocumented.about}", config_rm(key))


def _as_documented(images: Images | None, monitoring: MonitoringSettings | None) -> Iterator[Problem]:
    """With `frontend: documented`, other sections must not ask for what only a guarded stack has."""
    if isinstance(images, BuiltImages) and images.build.is_upstream:
        why = f'"{Frontend.DOCUMENTED}", but {images.build.repository} has no plain port of its own'
        yield Problem("proxy.frontend", why, config_set("proxy.frontend", Frontend.GUARDED))
    if images and images.pull_secrets:
        why = f"there is no such key with {AsDocumented.when}: {AsDocumented.about}"
        yield Problem("images.pullSecrets", why, config_rm("images.pullSecrets"))
    if monitoring and monitoring.enabled:
        why = f"it is true, which does not go with {AsDocumented.when}: {AsDocumented.about}"
        yield Problem("monitoring.enabled", why, config_set("monitoring.enabled", "false"))


def _alerts_in_time(monitoring: MonitoringSettings, certificates: Certificates) -> Iterator[Problem]:
    """The alert on a certificate's end must not fire before an `up` would renew the certificate."""
    days, before = monitoring.certificate_days, certificates.renew_before_hours
    if monitoring.enabled and days * 24 >= before:
        unrenewed = f"certificates.renewBeforeHours ({before} h): it would fire before `up` renews"
        key, half = "monitoring.certificateDays", max(1, before // 2 // 24)
        yield Problem(key, f"{days} days ({days * 24} h) are not below {unrenewed}", config_set(key, str(half)))

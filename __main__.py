"""The Pulumi program: apiserver-network-proxy (ANP) tunnels by which Karmada reaches its pull-mode members."""

from __future__ import annotations

import gc

gc.disable()  # objects that the SDKs define are never garbage: collecting during their import takes half a second

from pulumi import ResourceOptions

from checks import preflight
from clusters import workstation
from components.delivery import Deliveries
from components.entry import Entry, EntryArgs
from components.field_manager import use_field_manager
from components.images import ProxyImages, pull_secrets
from components.mac_keys import mac_keys
from components.member import GoneMember, GoneMemberArgs, Member, MemberArgs
from components.monitoring import server_monitoring
from components.outputs import export
from components.pki import TunnelPki, TunnelPkiArgs
from components.providers import providers
from components.proxy_server import ProxyServer, ProxyServerArgs
from components.transforms import use_transforms
from components.tunnel_check import TunnelCheck, TunnelCheckArgs
from config import stack_config
from config.problems import end_quietly

gc.freeze()
gc.enable()
end_quietly()
ready = preflight.check(stack_config.load(stack_config.values(), workstation.ThisMachine(), stack_config.secrets()))
settings, taken_over, former = ready.settings, ready.taken_over, ready.former
renaming = [each for each in settings.active if former.get(each.name)]

use_field_manager()
use_transforms()
images = ProxyImages("images", settings.images)  # before the providers, whose plugins start while sources are hashed
reach = providers(settings, taken_over)
entry = Entry(
    "entry",
    EntryArgs(host=settings.host, proxy=settings.proxy, renaming=bool(renaming)),
    ResourceOptions(provider=reach.host),
)
pki = TunnelPki(
    "tunnel", TunnelPkiArgs(address=entry.address, settings=settings.certificates, frontend=settings.proxy.frontend)
)
keys = mac_keys(settings.proxy)
deliveries = Deliveries(settings, entry.proxy_url, ready.formerly_delivered)
pulled = pull_secrets(settings, ResourceOptions(provider=reach.host))
server = ProxyServer(
    "proxy-server",
    ProxyServerArgs(
        settings=settings,
        image=images.server,
        pki=pki,
        mac_keys=keys,
        takes_over=settings.host in taken_over,
        renaming=renaming,
        ready=ready.awaited,
    ),
    ResourceOptions(provider=reach.host),
)
members = {
    each.name: Member(
        each.name,
        MemberArgs(
            settings=settings,
            member=each,
            image=images.agent,
            pki=pki,
            entry=entry,
            server=server,
            karmada=reach.karmada,
            mac_keys=keys,
            takes_over=each in taken_over,
            former=former.get(each.name, ()),
            was_delivered=each.name in ready.formerly_delivered,
            works=deliveries.works.get(each.name),
            facts=ready.delivery(each.name),
            pull_secrets=pulled,
            unknown_to_karmada=each.name in ready.unknown_to_karmada,
        ),
        ResourceOptions(provider=reach.members[each.name]),
    )
    for each in settings.members
}
for each in settings.gone:
    GoneMember(each.name, GoneMemberArgs(member=each, host=settings.host, proxy_url=entry.proxy_url))
reported = deliveries.reported(
    [
        server,
        *(members[each.name] for each in settings.members if each.delivered or each.name in ready.formerly_delivered),
    ],
    {each.name: ready.delivery(each.name) for each in settings.delivered},
)
server_monitoring(
    settings,
    pki=pki,
    agents={each.name: members[each.name].certificate_ends for each in ready.expected},
    behind=ready.behind,
    opts=ResourceOptions(provider=reach.host),
)
for name, checked in settings.checked.items():
    TunnelCheck(
        name,
        TunnelCheckArgs(
            settings=settings,
            of=checked,
            entry=entry,
            server=server,
            members=[members[each.name] for each in checked],
            reported=[reported[each.name] for each in checked if each.name in reported],
            away=[each.name for each in checked if not ready.delivery(each.name).ready],
        ),
    )
export(
    settings,
    images=images,
    entry=entry,
    pki=pki,
    server=server,
    members=members,
    reported=reported,
    behind=ready.behind,
)

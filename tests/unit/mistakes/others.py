"""What may be wrong with images, certificates and monitoring."""

from __future__ import annotations

from collections.abc import Mapping

from clusters.objects import Json
from tests.unit.mistakes.refusal import FORK, Refusal, build, certificates, images, monitoring, removing, setting

CREDENTIALS: Mapping[str, Json] = {"username": "robot", "password": "x"}

OTHERS = {
    # images
    "images are neither built nor published": Refusal(
        images(registry="example.org"), "images", "neither built", removing("images")
    ),
    "images are built and published": Refusal(
        images(build={}, server="example.org/server", agent="example.org/agent"),
        "images",
        "both built",
        removing("images.build"),
    ),
    "only the server's image is published": Refusal(
        images(server="example.org/server"), "images.agent", "it is missing", setting("images.agent", "IMAGE")
    ),
    "only the agent's image is published": Refusal(
        images(agent="example.org/agent"), "images.server", "it is missing", setting("images.server", "IMAGE")
    ),
    "sources have a ref but no commit": Refusal(
        build(ref="v0.35.0"), "images.build.commit", "it is missing", setting("images.build.commit", "COMMIT")
    ),
    "sources of another repository have a commit but no ref": Refusal(
        build(repository=FORK, commit="0" * 40), "images.build.ref", "it is missing", setting("images.build.ref", "REF")
    ),
    "a commit is abbreviated": Refusal(
        build(ref="v0.36.0", commit="e843261"),
        "images.build.commit",
        '"e843261" should be a whole commit: 40 hexadecimal digits',
        setting("images.build.commit", "VALUE"),
    ),
    "published images are to be pushed": Refusal(
        images(server="example.org/server", agent="example.org/agent", push=True),
        "images.push",
        "it is true, but nothing is built",
        removing("images.push"),
    ),
    "images are to be pushed to where no cluster could pull them from": Refusal(
        images(build={}, push=True),
        "images.registry",
        '"localhost/karmada-anp" is no registry that the clusters could pull from',
        setting("images.registry", "REGISTRY/PREFIX"),
    ),
    "credentials are given to push nothing": Refusal(
        images(build={}, credentials=CREDENTIALS),
        "images.credentials",
        "nothing is pushed (images.push); pods pull with images.pullSecrets",
        removing("images.credentials"),
        secret=["images"],
    ),
    "credentials are given for published images": Refusal(
        images(server="example.org/server", agent="example.org/agent", credentials=CREDENTIALS),
        "images.credentials",
        "nothing is pushed",
        removing("images.credentials"),
        secret=["images"],
    ),
    "credentials lack a user": Refusal(
        images(build={}, push=True, registry="example.org/x", credentials={"password": "x"}),
        "images.credentials.username",
        "it is missing",
        setting("images.credentials.username", "VALUE"),
        secret=["images"],
    ),
    "a pull secret's name is none": Refusal(
        images(build={}, pullSecrets=["pull", "Pull It"]),
        "images.pullSecrets[1]",
        '"Pull It" should be a DNS label',
        setting("images.pullSecrets[1]", "VALUE"),
    ),
    # certificates
    "renewal begins before the certificate does": Refusal(
        certificates(validityHours=24, renewBeforeHours=24),
        "certificates.renewBeforeHours",
        "24 is not below validityHours (24)",
        setting("certificates.renewBeforeHours", "2"),
    ),
    "a CA does not outlive what it signs": Refusal(
        certificates(validityHours=100, renewBeforeHours=10, caValidityHours=110),
        "certificates.caValidityHours",
        "110 is not above validityHours and renewBeforeHours together (110)",
        setting("certificates.caValidityHours", "1000"),
    ),
    "a certificate lives for no hour": Refusal(
        certificates(validityHours=0), "certificates.validityHours", "0", setting("certificates.validityHours", "VALUE")
    ),
    "the CA key that signs is not trusted": Refusal(
        certificates(caKey=3, trustedCaKeys=[1, 2]),
        "certificates.trustedCaKeys",
        "[1, 2] lacks 3, certificates.caKey: what it signs would be trusted by nobody",
        "`make rotate-ca`",
    ),
    "three CA keys are trusted": Refusal(
        certificates(caKey=1, trustedCaKeys=[1, 2, 3]),
        "certificates.trustedCaKeys",
        "[1, 2, 3] are more than two",
        "`make rotate-ca`",
    ),
    "a CA key's generation is 0": Refusal(
        certificates(caKey=0), "certificates.caKey", "0 should be greater", setting("certificates.caKey", "VALUE")
    ),
    "a trusted CA key's generation is a text": Refusal(
        certificates(trustedCaKeys=[1, "2"]),
        "certificates.trustedCaKeys[1]",
        '"2" should be a valid integer',
        setting("certificates.trustedCaKeys[1]", "VALUE"),
    ),
    # monitoring
    "the alert of a certificate's end fires before `up` renews it": Refusal(
        monitoring(enabled=True, certificateDays=30),
        "monitoring.certificateDays",
        "30 days are not below certificates.renewBeforeHours (720)",
        setting("monitoring.certificateDays", "15"),
    ),
    "the alert of a certificate's end fires before `up` renews it, for certificates that live for days": Refusal(
        {**monitoring(enabled=True), **certificates(validityHours=72, renewBeforeHours=24)},
        "monitoring.certificateDays",
        "14 days are not below certificates.renewBeforeHours (24)",
        setting("monitoring.certificateDays", "1"),
    ),
    "the alert of a certificate's end fires on its last day": Refusal(
        monitoring(certificateDays=0),
        "monitoring.certificateDays",
        "0 should be greater",
        setting("monitoring.certificateDays", "VALUE"),
    ),
    "a namespace of monitoring is no name": Refusal(
        monitoring(namespaces=["Monitoring"]),
        "monitoring.namespaces[0]",
        '"Monitoring" should be a DNS label',
        setting("monitoring.namespaces[0]", "VALUE"),
    ),
}

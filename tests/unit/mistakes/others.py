"""What may be wrong with images, certificates and monitoring."""

from __future__ import annotations

from collections.abc import Mapping

from clusters.objects import Json
from tests.unit.mistakes.refusal import (
    FORK,
    RM,
    SET,
    Refusal,
    build,
    certificates,
    images,
    member,
    monitoring,
    to_remove,
    to_set,
)
from tests.unit.stacks import BOTH

CREDENTIALS: Mapping[str, Json] = {"username": "robot", "password": "x"}

PUBLISHED: Mapping[str, Json] = {"server": "example.org/server", "agent": "example.org/agent"}

OTHERS = {
    # images
    "an image is built and published": to_remove(
        images(build={}, server="example.org/server"),
        "images.server",
        "there is no such key with images that are built (images.build): they are built or published, not both",
    ),
    "only the server's image is published": to_set(
        images(server="example.org/server"), "images.agent", "it is missing", "VALUE"
    ),
    "published images are to be pushed": to_remove(
        images(**PUBLISHED, push=True),
        "images.push",
        "there is no such key with images that are published (images.server, images.agent): nothing is built",
    ),
    "an image's name is none": to_set(
        images(guard="docker.io/library/HAProxy:3.2"),
        "images.guard",
        '"docker.io/library/HAProxy:3.2" should be an image: REGISTRY/PATH:TAG@sha256:DIGEST',
        "IMAGE",
    ),
    "an image's digest stands for another": Refusal(
        images(**{**PUBLISHED, "server": f"example.org/server:1@sha256:{'0' * 62}01"}),
        "images.server",
        "has a digest that stands for another",
        "`docker buildx imagetools inspect example.org/server:1` prints it; ",
    ),
    "what built images' names begin with has a tag": to_set(
        images(registry="example.org/karmada:latest"),
        "images.registry",
        '"example.org/karmada:latest" should be what images\' names begin with',
        "REGISTRY/PREFIX",
    ),
    "images that are built are for a member that only Karmada gets at": Refusal(
        {"members": {"member3": {"access": "karmada"}}},
        "members.member3",
        "its images are built here, and not pushed, so that this cluster cannot pull them",
        f"{SET.format('images.push', 'true')}, and set images.registry; or set members.member3.image",
    ),
    "a tag of built images is none": to_set(
        build(tag="v1/2"), "images.build.tag", '"v1/2" should be an image\'s tag', "VALUE"
    ),
    "nothing is built for": to_remove(build(platforms=[]), "images.build.platforms", "it names no platform"),
    "a platform is named twice": Refusal(
        build(platforms=["linux/amd64", "linux/amd64"]),
        "images.build.platforms",
        '["linux/amd64", "linux/amd64"] names linux/amd64 twice',
        RM.format("images.build.platforms[1]"),
    ),
    "a platform is none that ANP is built for": to_set(
        build(platforms=["linux/arm64/v8"]),
        "images.build.platforms[0]",
        "\"linux/arm64/v8\" should be 'linux/amd64' or 'linux/arm64'",
        "VALUE",
    ),
    "several platforms are built for, and nothing is pushed": to_set(
        build(platforms=BOTH),
        "images.push",
        "it is false, but images.build.platforms are several",
        "true",
    ),
    "another platform than this machine's is built for, and nothing is pushed": Refusal(
        build(platforms=["linux/arm64"]),
        "images.build.platforms",
        "linux/arm64 is not this machine's, linux/amd64",
        SET.format("images.build.platforms[0]", "linux/amd64"),
    ),
    "kind nodes lack an image of their platform": Refusal(
        {**member(kind="member3"), **images(build={"platforms": ["linux/arm64"]}, push=True, registry="example.org/x")},
        "images.build.platforms",
        "it lacks linux/amd64, which kind nodes have: member3",
        SET.format("images.build.platforms[1]", "linux/amd64"),
    ),
    "sources of another repository have a commit but no ref": to_set(
        build(repository=FORK, commit="0" * 40), "images.build.ref", "it is missing", "REF"
    ),
    "a commit is abbreviated": to_set(
        build(ref="v0.36.0", commit="e843261"),
        "images.build.commit",
        '"e843261" should be a whole commit: 40 hexadecimal digits',
        "VALUE",
    ),
    "images are to be pushed to where no cluster could pull them from": to_set(
        images(push=True),
        "images.registry",
        '"localhost/karmada-anp" is no registry that the clusters could pull from',
        "REGISTRY/PREFIX",
    ),
    "credentials are given to push nothing": to_remove(
        images(credentials=CREDENTIALS),
        "images.credentials",
        "nothing is pushed (images.push); pods pull with images.pullSecrets",
        secret=["images"],
    ),
    "credentials lack a user": to_set(
        images(push=True, registry="example.org/x", credentials={"password": "x"}),
        "images.credentials.username",
        "it is missing",
        "VALUE",
        secret=["images"],
    ),
    "a password is no text, and is not shown": to_set(
        images(push=True, registry="example.org/x", credentials={"username": "robot", "password": 7}),
        "images.credentials.password",
        "what it holds should be a valid string",
        "VALUE",
        secret=["images"],
    ),
    "a password is in plain text": to_set(
        images(push=True, registry="example.org/x", credentials=CREDENTIALS),
        "images.credentials.password",
        "it is there in plain text",
        "PASSWORD --secret",
    ),
    # certificates
    "a certificate lives for longer than anybody should trust it": to_set(
        certificates(validityHours=9529),
        "certificates.validityHours",
        "9529 is above 9528 (397 days): nobody can take a certificate back",
        "8760",
    ),
    "a certificate lives for no hour": to_set(
        certificates(validityHours=0), "certificates.validityHours", "0", "VALUE"
    ),
    "renewal begins before the certificate does": to_set(
        certificates(validityHours=24, renewBeforeHours=24),
        "certificates.renewBeforeHours",
        "24 is not below validityHours (24)",
        "2",
    ),
    "a CA does not outlive what it signs": to_set(
        certificates(validityHours=100, renewBeforeHours=10, caValidityHours=110),
        "certificates.caValidityHours",
        "110 is not above validityHours and renewBeforeHours together (110)",
        "1100",
    ),
    "no CA key is trusted": Refusal(
        certificates(caKeys=[]), "certificates.caKeys", "[] are neither one nor two in a row", "`make rotate-ca`"
    ),
    "three CA keys are trusted": Refusal(
        certificates(caKeys=[1, 2, 3]), "certificates.caKeys", "[1, 2, 3] are neither one nor two", "`make rotate-ca`"
    ),
    "two CA keys are trusted of which one is not the next": Refusal(
        certificates(caKeys=[3, 1]), "certificates.caKeys", "[3, 1] are neither one nor two", "`make rotate-ca`"
    ),
    "a CA key's generation is 0": to_set(
        certificates(caKeys=[1, 0]), "certificates.caKeys[1]", "0 should be greater", "VALUE"
    ),
    # monitoring
    "the alert of a certificate's end fires before `up` renews it": to_set(
        monitoring(enabled=True, certificateDays=30),
        "monitoring.certificateDays",
        "30 days (720 h) are not below certificates.renewBeforeHours (720 h)",
        "15",
    ),
}

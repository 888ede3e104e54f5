"""Resources of the prod stack with one thing wrong, each with the one rule of the policy pack that refuses it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from tests.unit.policies import Broken

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIHn3\n-----END EC PRIVATE KEY-----\n"
CREDENTIAL = "Basic a2FybWFkYTpub3QtYS1yZWFsLW9uZQ=="

SECRECY = "no-key-outside-a-secret"
AGENT = "edge-berlin-proxy-agent"

BROKEN: Mapping[str, Broken] = {
    "a key in an annotation": Broken(
        kind="Service",
        name="proxy-server-agents",
        properties={"metadata/annotations/key": KEY},
        rule=SECRECY,
        says="a private key in metadata.annotations.key",
    ),
    "a key in an environment variable of a pod": Broken(
        kind="Deployment",
        name="proxy-server",
        properties={"spec/template/spec/containers/0/env": [{"name": "KEY", "value": KEY}]},
        rule=SECRECY,
        says="a private key in spec.template.spec.containers.0.env.0.value",
    ),
    "an encoded key": Broken(
        kind="ClusterRole",
        name="edge-berlin-registration-role",
        properties={"metadata/annotations": {"kubeconfig": f"key: {base64.b64encode(KEY.encode()).decode()} # mine"}},
        rule=SECRECY,
        says="a private key in metadata.annotations.kubeconfig",
    ),
    "a key on a Secret but not in its data": Broken(
        kind="Secret",
        name="proxy-guard",
        properties={"metadata/labels": {"key": KEY}},
        rule=SECRECY,
        says="a private key in metadata.labels.key",
    ),
    "a credential on a Cluster object but not in its header": Broken(
        kind="ClusterPatch",
        name="edge-berlin-registration-header",
        properties={"metadata/annotations/proxy-authorization": "anything"},
        rule=SECRECY,
        says="a credential in metadata.annotations.proxy-authorization",
    ),
    "a header that is no secret output": Broken(
        kind="ClusterPatch",
        name="edge-berlin-registration-header",
        options={"secret_outputs": frozenset[str]()},
        rule=SECRECY,
        says='additional_secret_outputs must name "spec"',
    ),
    "a key in what a command reads": Broken(
        kind="Command",
        name="edge-berlin-check",
        properties={"stdin": json.dumps({"key": KEY})},
        rule=SECRECY,
        says="a private key in stdin",
    ),
    "a credential in a command": Broken(
        kind="Command",
        name="edge-berlin-check",
        properties={"create": f"curl --proxy-header 'Proxy-Authorization: {CREDENTIAL}'"},
        rule=SECRECY,
        says="a credential in create",
    ),
    "a credential in a command's environment": Broken(
        kind="Command",
        name="edge-berlin-check",
        properties={"environment": {"HEADER": CREDENTIAL}},
        rule=SECRECY,
        says="a credential in environment.HEADER",
    ),
    "a key that triggers a command": Broken(
        kind="Command",
        name="edge-berlin-check",
        properties={"triggers/0": KEY},
        rule=SECRECY,
        says="a private key in triggers.0",
    ),
    "an object on the default provider": Broken(
        kind="Secret",
        name="proxy-guard",
        options={"provider": "default_4_34_2"},
        rule="objects-are-on-an-explicit-provider",
        says="components/clusters.py",
    ),
    "an object on no provider": Broken(
        kind="DeploymentPatch",
        name="edge-berlin-karmada-agent",
        options={"provider": ""},
        rule="objects-are-on-an-explicit-provider",
        says="is on the default provider",
    ),
    "a container without a limit of memory": Broken(
        kind="Deployment",
        name="proxy-server",
        properties={"spec/template/spec/containers/1/resources/limits": None},
        rule="containers-have-resources-and-probes",
        says='give container "proxy-guard" resources.limits.memory',
    ),
    "a container without requests": Broken(
        kind="Deployment",
        name=AGENT,
        properties={"spec/template/spec/containers/0/resources/requests": {}},
        rule="containers-have-resources-and-probes",
        says='give container "proxy-agent" resources.requests.cpu, resources.requests.memory',
    ),
    "an init container without resources": Broken(
        kind="Deployment",
        name=AGENT,
        properties={
            "spec/template/spec/initContainers": [
                {
                    "name": "first",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ]
        },
        rule="containers-have-resources-and-probes",
        says='give container "first" resources.requests.cpu, resources.requests.memory, resources.limits.memory',
    ),
    "a container without a probe of liveness": Broken(
        kind="Deployment",
        name="proxy-server",
        properties={"spec/template/spec/containers/0/livenessProbe": None},
        rule="containers-have-resources-and-probes",
        says='give container "proxy-server" livenessProbe',
    ),
    "a container without a probe of readiness": Broken(
        kind="Deployment",
        name=AGENT,
        properties={"spec/template/spec/containers/0/readinessProbe": None},
        rule="containers-have-resources-and-probes",
        says='give container "proxy-agent" readinessProbe',
    ),
    "a container that may gain privileges": Broken(
        kind="Deployment",
        name="proxy-server",
        properties={"spec/template/spec/containers/1/securityContext/allowPrivilegeEscalation": True},
        rule="pods-are-restricted",
        says='Deployment "proxy-server" does not keep: Privilege Escalation',
    ),
    "a pod of root on the host network": Broken(
        kind="Deployment",
        name="proxy-server",
        properties={"spec/template/spec/hostNetwork": True, "spec/template/spec/securityContext/runAsUser": 0},
        rule="pods-are-restricted",
        says="does not keep: Running as Non-root user",
    ),
    "a pod that sees the host's processes": Broken(
        kind="Deployment",
        name="proxy-server",
        properties={"spec/template/spec/hostNetwork": True, "spec/template/spec/hostPID": True},
        rule="pods-are-restricted",
        says="does not keep: Host Namespaces",
    ),
    "a leaf that serves and is a client": Broken(
        kind="LocallySignedCert",
        name="agent-server",
        properties={"allowedUses": ["digital_signature", "server_auth", "client_auth"]},
        rule="certificates-have-one-use",
        says="may be used for digital_signature, server_auth, client_auth: allow digital_signature and server_auth or",
    ),
    "a leaf that signs": Broken(
        kind="LocallySignedCert",
        name="edge-berlin-agent",
        properties={"allowedUses": ["digital_signature", "client_auth", "cert_signing"]},
        rule="certificates-have-one-use",
        says="cert_signing: allow",
    ),
    "a leaf for anything": Broken(
        kind="LocallySignedCert",
        name="edge-berlin-agent",
        properties={"allowedUses": []},
        rule="certificates-have-one-use",
        says="may be used for anything",
    ),
    "a leaf that is a CA's": Broken(
        kind="LocallySignedCert",
        name="edge-berlin-agent",
        properties={"isCaCertificate": True},
        rule="certificates-have-one-use",
        says="take is_ca_certificate away",
    ),
    "a CA that serves": Broken(
        kind="SelfSignedCert",
        name="agent-ca-1",
        properties={"allowedUses": ["digital_signature", "cert_signing", "crl_signing", "server_auth"]},
        rule="certificates-have-one-use",
        says="allow digital_signature and cert_signing and crl_signing",
    ),
    "a leaf of 400 days": Broken(
        kind="LocallySignedCert",
        name="agent-server",
        properties={"validityPeriodHours": 9_600},
        rule="certificates-are-renewed-in-time",
        says="9600 hours, above 9528: pulumi config set --path 'karmada-anp:certificates.validityHours' 8760",
    ),
    "a leaf that nothing renews": Broken(
        kind="LocallySignedCert",
        name="agent-server",
        properties={"earlyRenewalHours": None},
        rule="certificates-are-renewed-in-time",
        says="is renewed 0 hours before its end",
    ),
    "a leaf that every up renews": Broken(
        kind="LocallySignedCert",
        name="agent-server",
        properties={"earlyRenewalHours": 8_760},
        rule="certificates-are-renewed-in-time",
        says="8760 hours before its end: pulumi config set --path 'karmada-anp:certificates.renewBeforeHours' 730",
    ),
    "a CA that every up renews": Broken(
        kind="SelfSignedCert",
        name="agent-ca-1",
        properties={"validityPeriodHours": 10_200},
        rule="certificates-are-renewed-in-time",
        says="'karmada-anp:certificates.caValidityHours' 102000",
    ),
    "a leaf that outlives its CA": Broken(
        kind="SelfSignedCert",
        name="agent-ca-1",
        properties={"earlyRenewalHours": 8_759},
        rule="leaves-end-before-their-ca",
        says='could outlive SelfSignedCert "agent-ca-1": renew that as many hours before its end, not 8759',
    ),
    "an RSA key": Broken(
        kind="PrivateKey",
        name="edge-berlin-agent",
        properties={"algorithm": "RSA", "ecdsaCurve": None, "rsaBits": 2048},
        rule="keys-are-ecdsa-p256",
        says="is RSA: make it ECDSA with curve P256",
    ),
    "a key on another curve": Broken(
        kind="PrivateKey",
        name="edge-berlin-agent",
        properties={"ecdsaCurve": "P521"},
        rule="keys-are-ecdsa-p256",
        says="is ECDSA P521",
    ),
    "a CA's key that is not protected": Broken(
        kind="PrivateKey",
        name="frontend-ca-1",
        options={"protect": False},
        rule="ca-keys-are-protected",
        says="pulumi config set --path 'karmada-anp:certificates.protectCaKeys' true",
    ),
}

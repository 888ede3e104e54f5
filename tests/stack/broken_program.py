"""A program that breaks each rule of the policy pack: test_policy.py has it previewed in place of `__main__.py`."""

from __future__ import annotations

import pulumi_kubernetes as kubernetes
import pulumi_tls as tls
from pulumi import ResourceOptions
from pulumi_command import local

from components.certificate import CLIENT_USAGES, CertificateAuthority, CertificateAuthorityArgs, Lifetime, private_key

files = kubernetes.Provider("files", render_yaml_to_directory="rendered")
in_files = ResourceOptions(provider=files)

authorities = {
    name: CertificateAuthority(
        name, CertificateAuthorityArgs(common_name=name, lifetime=Lifetime(leaf=48, leaf_renewal=1, ca=96))
    )
    for name in ("old-ca-1", "unprotected-ca-2")
}
signer = authorities["unprotected-ca-2"]
key = tls.PrivateKey("rsa", algorithm="RSA")
request = tls.CertRequest("request", private_key_pem=private_key("good", ResourceOptions()).private_key_pem)
for name, uses, hours, before in (
    ("two-uses", [*CLIENT_USAGES, "server_auth"], 48, 1),
    ("never-renewed", CLIENT_USAGES, 48, 0),
    ("outliving", CLIENT_USAGES, 480, 1),
    ("good", CLIENT_USAGES, 48, 1),
):
    tls.LocallySignedCert(
        name,
        cert_request_pem=request.cert_request_pem,
        ca_private_key_pem=signer.key_pem,
        ca_cert_pem=signer.cert_pem,
        allowed_uses=list(uses),
        validity_period_hours=hours,
        early_renewal_hours=before,
    )

PEM = "-----BEGIN EC PRIVATE KEY-----"
local.Command("told", create="true", stdin=PEM)
kubernetes.core.v1.ConfigMap("open", metadata={"name": "open"}, data={"key": PEM}, opts=in_files)
kubernetes.core.v1.Secret("kept", metadata={"name": "kept"}, string_data={"key": PEM}, opts=in_files)
kubernetes.core.v1.ConfigMap("anywhere", metadata={"name": "anywhere"}, data={"a": "b"})
kubernetes.apps.v1.Deployment(
    "bare",
    metadata={"name": "bare"},
    spec={
        "selector": {"match_labels": {"app": "bare"}},
        "template": {
            "metadata": {"labels": {"app": "bare"}},
            "spec": {"containers": [{"name": "bare", "image": "bare"}]},
        },
    },
    opts=in_files,
)

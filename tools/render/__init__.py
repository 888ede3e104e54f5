"""Renders a stack without an engine, clusters, kubeconfigs or Docker: `python -m tools.render STACK` writes manifests.

The program runs unchanged against Pulumi's mocks, with placeholders for keys, certificates and addresses. Preflight is
left out, so the rendering does not depend on what the clusters hold.
"""

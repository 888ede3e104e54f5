"""The stack without an engine, clusters, kubeconfigs or Docker: `python -m tools.render STACK` writes what it would be.

The program runs unchanged, against Pulumi's own mocks, with placeholders for keys, certificates and addresses. It says
nothing of what the clusters hold: preflight is left out.
"""

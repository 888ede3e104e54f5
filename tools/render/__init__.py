"""The stack without an engine, clusters, kubeconfigs or Docker: `python -m tools.render STACK` writes what it would be.

The program runs unchanged, against Pulumi's own mocks, with real certificates made for the occasion and placeholder
addresses. It says nothing of what the clusters hold: preflight is left out.
"""

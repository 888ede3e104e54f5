"""Access to Kubernetes APIs, kubeconfigs, kind nodes and local programs, and reading of what they return. Nothing here
decides to change anything, and nothing reads a stack's state."""

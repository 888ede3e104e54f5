"""How a cluster, a kubeconfig, a kind node is asked, and how what they answer is read. Nothing here changes anything by
itself, and nothing knows of a stack's state."""

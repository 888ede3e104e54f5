"""A stack's config: what each key means (settings.py), what else must be so (rules.py), how it is read
(stack_config.py) and how a refusal is said (problems.py). Nothing here asks a cluster."""

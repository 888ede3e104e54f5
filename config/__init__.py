"""A stack's config: what each key means and may be (settings.py, image_settings.py, proxy_settings.py, of the types in
fields.py), how it is read (stack_config.py, lookups.py), how a refusal is said (explanations.py, listed_members.py,
problems.py). What must be looked up it asks of clusters/workstation.py alone."""

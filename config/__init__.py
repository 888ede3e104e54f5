"""A stack's config: the keys and what they accept (settings.py, image_settings.py, proxy_settings.py, with the types in
fields.py), how it is read (stack_config.py, lookups.py), how errors are reported (explanations.py, listed_members.py,
problems.py). Values that must be looked up come from clusters/workstation.py alone."""

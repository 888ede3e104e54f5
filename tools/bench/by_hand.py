"""Karmada's documented manual steps 3 to 6 for member3, as one script, with the images that steps 1 and 2 build."""

from __future__ import annotations

from pathlib import Path

FORK_IMAGES = [f"swr.ap-southeast-1.myhuaweicloud.com/karmada/proxy-{each}:0.0.24" for each in ("server", "agent")]

SCRIPT = Path(__file__).with_suffix(".sh")

UP, DOWN = [str(SCRIPT), "up", *FORK_IMAGES], [str(SCRIPT), "down"]
"""Command lines of the script."""

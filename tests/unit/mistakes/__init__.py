"""Configs that are refused, each with what the message must say: a table a part of the config."""

from __future__ import annotations

from collections.abc import Mapping

from tests.unit.mistakes.clusters import CLUSTERS
from tests.unit.mistakes.keys import KEYS
from tests.unit.mistakes.others import OTHERS
from tests.unit.mistakes.proxies import PROXIES
from tests.unit.mistakes.refusal import Refusal

TABLES = (CLUSTERS, PROXIES, OTHERS, KEYS)
REFUSALS: Mapping[str, Refusal] = {mistake: refusal for table in TABLES for mistake, refusal in table.items()}
assert len(REFUSALS) == sum(map(len, TABLES))

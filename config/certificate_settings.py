"""`certificates`: how long they live, when they are renewed, and which keys of CAs there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from config.fields import Generation, Model
from config.problems import InvalidValue, set_to

LONGEST_LIFE = 9_528  # hours, 397 days


def _life(hours: int) -> int:
    """Refuses a leaf certificate that lives longer than LONGEST_LIFE: ANP cannot revoke one."""
    if hours > LONGEST_LIFE:
        why = f"{hours} is above {LONGEST_LIFE} (397 days): nobody can take a certificate back: ANP knows no revocation"
        raise InvalidValue(why, set_to("8760"))
    return hours


Hours = Annotated[int, Field(ge=1, le=876_000)]
LeafHours = Annotated[int, Field(ge=1), AfterValidator(_life)]


class Certificates(Model):
    """Lives of certificates, in hours, and the keys that sign them."""

    validity_hours: LeafHours = Field(
        8_760, description=f"Life of a leaf certificate in hours, at most {LONGEST_LIFE} (397 days)"
    )
    renew_before_hours: Hours = Field(
        720, description="Hours before the end of a certificate from which on `up` renews it", validate_default=True
    )
    ca_validity_hours: Hours = Field(87_600, description="Life of a CA's certificate in hours", validate_default=True)
    ca_keys: Sequence[Generation] = Field(
        (1,),
        description="Generations of the CAs' keys to trust; the first one signs; `make rotate-ca` changes them",
    )
    protect_ca_keys: bool = Field(False, description="Refuse to delete the CAs' keys, and so to destroy the stack")

    @property
    def ca_renew_before_hours(self) -> int:
        """How many hours before its end a CA is renewed: early enough that no leaf it signs outlives it."""
        return self.validity_hours + self.renew_before_hours

    @field_validator("renew_before_hours")
    @classmethod
    def _is_before_the_end(cls, before: int, read: ValidationInfo) -> int:
        life = read.data.get("validity_hours", before + 1)
        if before >= life:
            why = f"{before} is not below validityHours ({life}): every `up` would renew"
            raise InvalidValue(why, set_to(str(max(1, life // 12))))
        return before

    @field_validator("ca_validity_hours")
    @classmethod
    def _outlives_leaves(cls, ca: int, read: ValidationInfo) -> int:
        least = read.data.get("validity_hours", 0) + read.data.get("renew_before_hours", 0)
        if ca <= least:
            why = f"{ca} is not above validityHours and renewBeforeHours together ({least}): it must outlive leaves"
            raise InvalidValue(why, set_to(str(10 * least)))
        return ca

    @field_validator("ca_keys")
    @classmethod
    def _are_in_a_row(cls, keys: Sequence[int]) -> Sequence[int]:
        if not (len(keys) == 1 or (len(keys) == 2 and abs(keys[0] - keys[1]) == 1)):
            why = f"{list(keys)} are neither one nor two in a row: a change of keys goes from one to the next"
            raise InvalidValue(why, lambda _: "`make rotate-ca` goes from one key to the next")
        return keys

"""Who asks, as a value: what access decides by and what every page may know."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse


@dataclass(frozen=True)
class Actor:
    """Who asks. `person_id` is None for a stranger; `community_ids` are those a leader looks after.

    `region` is where they operate, else lead, else buy; of several the one they were appointed to first.
    """

    person_id: int | None = None
    name: str = ""
    roles: frozenset[str] = frozenset()
    member_id: int | None = None
    member_community_id: int | None = None
    region: str = ""
    community_ids: tuple[int, ...] = ()

    @property
    def signed_in(self) -> bool:
        return self.person_id is not None

    def is_one_of(self, allowed: frozenset[str]) -> bool:
        """Whether a view open to `allowed` is open to this actor."""
        return "anyone" in allowed or bool(self.roles & allowed) or (self.signed_in and "signed_in" in allowed)

    @property
    def home(self) -> str:
        """The address of the surface this actor works on."""
        if "operator" in self.roles:
            return reverse("console:today")
        if "leader" in self.roles:
            return "/leader/"
        if "member" in self.roles:
            return "/shop/"
        return reverse("signin")


STRANGER = Actor()

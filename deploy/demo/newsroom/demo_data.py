"""Who and what the demo starts with. These passwords are public: never serve them to a network."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Account:
    id: int
    username: str
    password: str
    first_name: str = ""
    last_name: str = ""
    is_active: bool = True
    is_admin: bool = False

    def columns(self) -> dict[str, Any]:
        """The columns of the user's row, without the password."""
        return {
            "username": self.username,
            "email": f"{self.username}@example.com",
            "first_name": self.first_name,
            "last_name": self.last_name,
            "is_active": self.is_active,
            "is_staff": self.is_admin,
            "is_superuser": self.is_admin,
        }


@dataclass(frozen=True)
class GroupOfUsers:
    id: int
    name: str
    permissions: tuple[str, ...]
    members: tuple[int, ...]


ACCOUNTS = (
    Account(1, "john", "secret123", "John", "Doe"),
    Account(2, "admin", "adminpass1", is_admin=True),
    Account(3, "disabled", "disabledpass1", is_active=False),
    Account(4, "amina", "motdepasse-é7-長い", "Amina", "Élodie"),
    Account(5, "mfa_a", "mfapass-a1"),
    Account(6, "mfa_b", "mfapass-b1"),
    Account(7, "mfa_c", "mfapass-c1"),
    Account(8, "mfa_d", "mfapass-d1"),
)

EDITORS = GroupOfUsers(1, "editors", ("view_user", "change_user"), members=(1,))

SETTINGS = {4: {"theme": "ocean", "mode": "dark", "font_size": "md"}}

ARTICLES = (
    (1, "Harbour reopens after the storm", "The first ferries left at seven, half full."),
    (1, "A library in a tram", "Line 4 lends books now. Return them at any stop."),
    (4, "Les marchés du dimanche", "Où trouver des figues en octobre, et à quel prix."),
    (2, "How this newsroom works", "Editors read everything twice; readers write back."),
)

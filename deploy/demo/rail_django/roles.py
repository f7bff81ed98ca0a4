"""What a user may do: permissions, and the roles they come from."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Permission

from users.models import User


@dataclass(frozen=True)
class Role:
    """A group, or the role that comes with a flag of the user's row."""

    id: str
    name: str
    permissions: Iterable[Permission] = ()


def permissions_of(user: User) -> list[str]:
    """`app_label.codename`, sorted: direct ones and the groups', or all for a superuser."""
    return sorted(user.get_all_permissions())


def roles_of(user: User) -> list[Role]:
    """The user's groups, then the system role if there is one."""
    groups = user.groups.order_by("name").prefetch_related("permissions")
    roles = [
        Role(
            f"group:{group.pk}",
            group.name,
            sorted(group.permissions.all(), key=lambda permission: permission.codename),
        )
        for group in groups
    ]
    if user.is_superuser:
        roles.append(Role("system:superadmin", "superadmin"))
    elif user.is_staff:
        roles.append(Role("system:admin", "admin"))
    return roles

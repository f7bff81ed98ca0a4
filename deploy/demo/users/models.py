"""Users of the newsroom and how they like their screens."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """The project's own user model, so that columns can be added later."""

    @property
    def desc(self) -> str:
        """The full name, which is what people see of a user."""
        return self.get_full_name()


class UserSettings(models.Model):
    """How one user wants the front end to look; a user may have none."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="settings")
    theme = models.CharField(max_length=50, default="default")
    mode = models.CharField(max_length=20, default="light")
    font_size = models.CharField(max_length=20, default="md")

    class Meta:
        verbose_name_plural = "user settings"

    def __str__(self) -> str:
        return f"settings of {self.user}"

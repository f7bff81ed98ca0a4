"""Second factors and trusted devices; the tables' and columns' names are read by other programs."""

from django.conf import settings
from django.db import models


class MFADevice(models.Model):
    """One enrolled factor of a user, or one whose enrolment is not confirmed yet (inactive)."""

    class Kind(models.TextChoices):
        TOTP = "totp", "Authenticator app"
        SMS = "sms", "Text message"
        BACKUP = "backup", "Backup codes"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mfa_devices"
    )
    device_name = models.CharField(max_length=100)
    device_type = models.CharField(max_length=10, choices=Kind, default=Kind.TOTP)
    secret_key = models.CharField(max_length=100, blank=True)
    phone_number = models.CharField(max_length=20, blank=True)
    is_active = models.BooleanField(default=False)
    is_primary = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "MFA device"

    def __str__(self) -> str:
        return f"{self.device_name} of {self.user}"


class MFABackupCode(models.Model):
    """A code to fall back on when the device is lost, kept in the clear."""

    device = models.ForeignKey(MFADevice, on_delete=models.CASCADE, related_name="backup_codes")
    code = models.CharField(max_length=20)
    is_used = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "MFA backup code"


class TrustedDevice(models.Model):
    """A client device that needs no second factor until it expires."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="trusted_devices"
    )
    device_fingerprint = models.CharField(max_length=255)
    device_name = models.CharField(max_length=100)
    ip_address = models.GenericIPAddressField()
    user_agent = models.TextField()
    expires_at = models.DateTimeField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.device_name} of {self.user}"

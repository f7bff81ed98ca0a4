"""Second factors: TOTP devices, backup codes, trusted devices."""

import secrets

import pyotp
import segno
from django.db import transaction
from django.utils import timezone

from rail_django import tokens
from rail_django.models import MFABackupCode, MFADevice, TrustedDevice
from users.models import User

ISSUER = "Newsroom"
BACKUP_CODES = 10
WINDOW = 1  # steps of 30 s that a code may be early or late


def has_factor(user: User) -> bool:
    """Whether a code is due after the password."""
    return _active_devices(user).exists()


def is_trusted(user: User, device_id: str | None) -> bool:
    """Whether this device of the user's was trusted before and still is."""
    return (
        bool(device_id)
        and TrustedDevice.objects.filter(
            user=user, device_fingerprint=device_id, is_active=True, expires_at__gt=timezone.now()
        ).exists()
    )


@transaction.atomic
def enrol(user: User) -> tuple[MFADevice, list[str]]:
    """Add an unconfirmed device with backup codes; an earlier unconfirmed one is dropped."""
    user.mfa_devices.filter(device_type=MFADevice.Kind.TOTP, is_active=False).delete()
    device = user.mfa_devices.create(device_name="Authenticator", secret_key=pyotp.random_base32())
    codes = [f"{secrets.randbelow(10**8):08d}" for _ in range(BACKUP_CODES)]
    MFABackupCode.objects.bulk_create(MFABackupCode(device=device, code=code) for code in codes)
    return device, codes


def qr_code(device: MFADevice) -> str:
    """A picture, as a data URL, that authenticator apps scan."""
    totp = pyotp.TOTP(device.secret_key)
    uri = totp.provisioning_uri(name=device.user.username, issuer_name=ISSUER)
    return segno.make(uri).png_data_uri(scale=5)


def confirm(user: User, secret: str, code: str) -> bool:
    """Activate the device with this secret, if the code shows that the user's app has it, too."""
    device = user.mfa_devices.filter(secret_key=secret, is_active=False).first()
    if device is None or not _matches(device, code):
        return False
    device.is_active = True
    device.is_primary = not has_factor(user)
    device.save(update_fields=["is_active", "is_primary"])
    return True


def accepts(user: User, code: str) -> bool:
    """Whether the code is one of the user's active devices' now. It may come again."""
    for device in _active_devices(user):
        if _matches(device, code):
            device.last_used = timezone.now()
            device.save(update_fields=["last_used"])
            return True
    return False


def remove_all(user: User) -> None:
    """Switch the second factor off."""
    user.mfa_devices.all().delete()
    user.trusted_devices.all().delete()


def challenge(user: User) -> str:
    """A token that says: the password was right, the code is still due."""
    claims = {"user_id": user.pk}
    return tokens.sign(tokens.Kind.EPHEMERAL, tokens.EPHEMERAL_LIFETIME, claims)[0]


def challenged(ephemeral_token: str) -> User | None:
    """The user whose password was right."""
    claims = tokens.read(tokens.Kind.EPHEMERAL, ephemeral_token)
    return User.objects.filter(pk=claims["user_id"], is_active=True).first() if claims else None


def _active_devices(user: User):
    return user.mfa_devices.filter(device_type=MFADevice.Kind.TOTP, is_active=True)


def _matches(device: MFADevice, code: str) -> bool:
    return pyotp.TOTP(device.secret_key).verify(code, valid_window=WINDOW)

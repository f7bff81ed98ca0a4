"""Factors and trusted devices in the admin site; secrets are not shown."""

from django.contrib import admin

from rail_django.models import MFADevice, TrustedDevice


@admin.register(MFADevice)
class MFADeviceAdmin(admin.ModelAdmin):
    list_display = ("user", "device_name", "device_type", "is_active", "last_used")
    exclude = ("secret_key",)


@admin.register(TrustedDevice)
class TrustedDeviceAdmin(admin.ModelAdmin):
    list_display = ("user", "device_name", "ip_address", "expires_at", "is_active")

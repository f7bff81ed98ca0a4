"""Users and their settings in the admin site."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from users.models import User, UserSettings

admin.site.register(User, UserAdmin)


@admin.register(UserSettings)
class UserSettingsAdmin(admin.ModelAdmin):
    list_display = ("user", "theme", "mode", "font_size")
    autocomplete_fields = ("user",)

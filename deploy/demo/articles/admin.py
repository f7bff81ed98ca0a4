"""Articles in the admin site."""

from django.contrib import admin

from articles.models import Article, Attachment


class AttachmentInline(admin.TabularInline):
    model = Attachment
    extra = 0
    readonly_fields = ("name", "content_type", "size", "sha256")


@admin.register(Article)
class ArticleAdmin(admin.ModelAdmin):
    list_display = ("title", "author", "created_at")
    search_fields = ("title", "body")
    autocomplete_fields = ("author",)
    inlines = (AttachmentInline,)

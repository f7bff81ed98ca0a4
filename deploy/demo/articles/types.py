"""GraphQL types of articles."""

import graphene
from graphene_django import DjangoObjectType

from articles.models import Article, Attachment
from users.types import AuthorType


class AttachmentType(DjangoObjectType):
    # A GraphQL Int has 32 bits, a file may have more bytes than that.
    size = graphene.BigInt(required=True)

    class Meta:
        model = Attachment
        fields = ("id", "name", "content_type", "sha256")


class ArticleType(DjangoObjectType):
    author = graphene.Field(AuthorType, required=True)
    attachments = graphene.List(graphene.NonNull(AttachmentType), required=True)

    class Meta:
        model = Article
        fields = ("id", "title", "body", "created_at")

    @staticmethod
    def resolve_attachments(article: Article, _info):
        return article.attachments.all()

"""Root fields about articles."""

import hashlib

import graphene
from django.core.files.uploadedfile import UploadedFile
from graphql import GraphQLError

from api.uploads import Upload
from articles import feed
from articles.models import Article
from articles.types import ArticleType, AttachmentType
from users.models import User

MOST_AT_ONCE = 100


def signed_in(info) -> User:
    """The caller, who must not be anonymous."""
    if not info.context.user.is_authenticated:
        raise GraphQLError("Authentication required")
    return info.context.user


class ArticleQuery(graphene.ObjectType):
    articles = graphene.List(
        graphene.NonNull(ArticleType),
        required=True,
        limit=graphene.Int(default_value=20),
        offset=graphene.Int(default_value=0),
        description="The newest first",
    )
    article = graphene.Field(ArticleType, id=graphene.ID(required=True))

    @staticmethod
    def resolve_articles(_root, _info, limit, offset):
        start = max(offset, 0)
        stop = start + min(max(limit, 0), MOST_AT_ONCE)
        return Article.objects.select_related("author")[start:stop]

    @staticmethod
    def resolve_article(_root, _info, id):
        if not id.isdigit():
            return None
        return Article.objects.select_related("author").filter(pk=id).first()


class CreateArticle(graphene.Mutation):
    class Arguments:
        title = graphene.String(required=True)
        body = graphene.String()

    ok = graphene.Boolean(required=True)
    article = graphene.Field(ArticleType)
    errors = graphene.List(graphene.String, required=True)

    @staticmethod
    def mutate(_root, info, title, body=""):
        author = signed_in(info)
        if not title.strip() or len(title) > Article._meta.get_field("title").max_length:
            return CreateArticle(ok=False, errors=["A title of 1 to 200 characters is required."])
        article = Article.objects.create(author=author, title=title, body=body)
        feed.announce(article)
        return CreateArticle(ok=True, article=article, errors=[])


class AttachFile(graphene.Mutation):
    class Arguments:
        article_id = graphene.ID(required=True)
        file = Upload(required=True)

    ok = graphene.Boolean(required=True)
    attachment = graphene.Field(AttachmentType)
    errors = graphene.List(graphene.String, required=True)

    @staticmethod
    def mutate(_root, info, article_id, file: UploadedFile):
        author = signed_in(info)
        article = author.articles.filter(pk=article_id).first() if article_id.isdigit() else None
        if article is None:
            return AttachFile(ok=False, errors=["No such article of yours."])
        attachment = article.attachments.create(
            file=file,
            name=file.name,
            content_type=file.content_type or "application/octet-stream",
            size=file.size,
            sha256=_digest(file),
        )
        return AttachFile(ok=True, attachment=attachment, errors=[])


def _digest(file: UploadedFile) -> str:
    """Read in pieces: a large upload lies on the disk and should stay there."""
    digest = hashlib.sha256()
    for piece in file.chunks():
        digest.update(piece)
    return digest.hexdigest()


class ArticleMutations:
    create_article = CreateArticle.Field()
    attach_file = AttachFile.Field()


class ArticleSubscription(graphene.ObjectType):
    article_created = graphene.Field(ArticleType, required=True)

    @staticmethod
    async def subscribe_article_created(_root, _info):
        async for article in feed.articles():
            yield article

    @staticmethod
    def resolve_article_created(article: Article, _info):
        return article

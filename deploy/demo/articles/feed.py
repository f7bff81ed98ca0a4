"""New articles, told to everyone who listens in this process."""

from collections.abc import AsyncIterator

from asgiref.sync import async_to_sync
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from articles.models import Article

GROUP = "articles"


def announce(article: Article) -> None:
    """Tell the listeners. Only the id travels, each of them reads the article itself."""
    message = {"type": "article.created", "id": article.pk}
    async_to_sync(get_channel_layer().group_send)(GROUP, message)


async def articles() -> AsyncIterator[Article]:
    """Every article created from now on, with all its GraphQL type reads: the event loop can't."""
    whole = Article.objects.select_related("author").prefetch_related("attachments")
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(GROUP, channel)
    try:
        while True:
            message = await layer.receive(channel)
            yield await database_sync_to_async(whole.get)(pk=message["id"])
    finally:
        await layer.group_discard(GROUP, channel)

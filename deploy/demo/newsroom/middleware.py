"""Middleware of the project."""

from django.utils.decorators import sync_only_middleware


@sync_only_middleware
def one_thread(get_response):
    """Do nothing, synchronously.

    Django runs middleware that can do both the asynchronous way under ASGI, with a change of thread
    for each hook of each class. Behind one that can't, the whole stack runs in one thread.
    """
    return get_response

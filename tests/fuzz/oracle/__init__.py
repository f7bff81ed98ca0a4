"""The judge: a real Django with graphene-django's own view, which says what a request really ran.

    python -m oracle prepare FOLDER       makes the directory of users, FOLDER/db.sqlite3
    python -m oracle asgi|wsgi FOLDER     serves on two free ports, prints them, ends with its standard input

The two ports serve the same. Nobody but the gateway speaks to the one called `behind`, so whatever runs there got past
the gateway. Every run of a root field of `auth.graphql` is a line in FOLDER/direct.log or FOLDER/behind.log before the
answer goes out, and is named in the answer's header `X-Ran`.
"""

"""Token authentication, second factors and trusted devices for GraphQL.

Behaves on the wire, and in the database, as the framework of this name does, its known limits
included: a demo that were stricter would hide what its users have to live with.
"""

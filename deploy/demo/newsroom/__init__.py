"""The project: settings, routes, the ASGI application and the demo data."""

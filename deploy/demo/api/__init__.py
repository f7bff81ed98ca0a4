"""The GraphQL API over HTTP and WebSocket."""

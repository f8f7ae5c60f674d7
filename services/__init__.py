"""The microservices: each owns its data, its topics and its database."""

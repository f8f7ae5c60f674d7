"""The door for clients: a REST API on a read model of its own. No rule of the domain lives here."""

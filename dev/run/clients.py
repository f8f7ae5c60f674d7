"""Clients of a running system for the demo accounts: over HTTP and Kafka, with their tokens."""

from typing import Any

import httpx2

from dev.issuer.accounts import PASSWORD, PEOPLE
from shared.contracts.topics import partner_outcomes

KAFKA_AUDIENCE = "structures-kafka"
PARTNER, PARTNER_CLIENT = "partner", "facturier"
"""The partner of a local run: its Kafka user, and its client at the issuer."""
OUTCOMES = partner_outcomes(PARTNER_CLIENT)
"""The topic of its outcomes."""


class Channels:
    """How to reach a system: URLs of the API (with /api/v1), the issuer and Kafka, and credentials.

    `client_secret` is that of every demo client, `partner_password` that of the partner on Kafka, who uses TLS when the
    file of the brokers' CA is given.
    """

    def __init__(
        self,
        *,
        api: str,
        issuer: str,
        client_secret: str,
        kafka: str,
        partner_password: str,
        kafka_ca: str | None = None,
    ) -> None:
        self.api = api
        self.issuer = issuer
        self._client_secret = client_secret
        self._kafka: dict[str, Any] = {
            "bootstrap.servers": kafka,
            "security.protocol": "SASL_SSL" if kafka_ca else "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": PARTNER,
            "sasl.password": partner_password,
        }
        if kafka_ca:
            self._kafka["ssl.ca.location"] = kafka_ca

    def token(
        self, who: str, audience: str = "structures-http", expires_in: int = 3600, *, through: str | None = None
    ) -> str:
        """Return a token of a demo person or client. For Kafka, a person's is issued `through` the partner's client."""
        form = {"audience": audience, "expires_in": str(expires_in)}
        client = (through or (PARTNER_CLIENT if audience == KAFKA_AUDIENCE else None)) if who in PEOPLE else who
        if who in PEOPLE:
            form |= {"grant_type": "password", "username": who, "password": PASSWORD}
        else:
            form |= {"grant_type": "client_credentials"}
        if client is not None:
            form |= {"client_id": client, "client_secret": self._client_secret}
        return str(httpx2.post(f"{self.issuer}/token", data=form).raise_for_status().json()["access_token"])

    def as_(self, who: str, *, wait: int | None = 20) -> httpx2.Client:
        """Return a client of the API with the token of an account; it waits for decisions that long."""
        headers = {"Authorization": f"Bearer {self.token(who)}"}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return httpx2.Client(base_url=self.api, headers=headers, timeout=40)

    def partner(self) -> dict[str, Any]:
        """Return librdkafka's settings of the partner."""
        return dict(self._kafka)

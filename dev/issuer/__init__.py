"""An OpenID Connect issuer with tokens for the demo users. It refuses to run outside development."""

"""An OpenID Connect issuer for development: tokens for the demo users. It refuses to run anywhere else."""

"""How often one caller may call, all replicas together: `rates` and `leases` are arithmetic, `permits` keeps them."""

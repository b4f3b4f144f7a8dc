"""Who competes: tuned schedules, peers from optax, and the policies of this library."""

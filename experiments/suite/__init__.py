"""Many small tasks on which tuned learning rates and such that find themselves compete."""

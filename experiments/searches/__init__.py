"""How good the searches for a learning rate are, on the tasks of the suite."""

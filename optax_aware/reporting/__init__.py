"""What reads and edits the states of our transforms, wherever they lie in an optax state.

The public functions live at the top of the package: `optax_aware.report` and its neighbours.
"""

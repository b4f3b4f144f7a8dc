"""What acts on the updates: from a policy's decision to an optax transformation.

The public transforms live at the top of the package: `optax_aware.aware`,
`optax_aware.scale_by_policy`, `optax_aware.as_learning_rate`, `optax_aware.layerwise` and
`optax_aware.accumulate`.
"""

"""The inner optimizers of the tasks: what gives the direction, without a learning rate."""

import jax
import optax

from experiments.suite.inner import Inner

WEIGHT_DECAY = 0.01


def _adamw() -> optax.GradientTransformation:
    return optax.chain(optax.scale_by_adam(), optax.add_decayed_weights(WEIGHT_DECAY))


def _sign() -> optax.GradientTransformation:
    return optax.chain(optax.trace(0.9), optax.scale_by_sign())


def _muon() -> optax.GradientTransformation:
    """Orthogonalised momentum for matrices, Adam for what is not one, as its author has it."""

    def dimension_numbers(matrices):
        return jax.tree.map(lambda leaf: optax.contrib.MuonDimensionNumbers(), matrices)

    muon = optax.contrib.scale_by_muon(weight_dimension_numbers=dimension_numbers)
    return optax.partition(
        {"matrix": muon, "other": optax.scale_by_adam()},
        lambda params: jax.tree.map(lambda leaf: "matrix" if leaf.ndim == 2 else "other", params),
    )


def _clipped_momentum() -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(1.0), optax.trace(0.9))


INNERS: dict[str, Inner] = {
    inner.name: inner
    for inner in (
        Inner("sgd", optax.identity, "sgd", 0.3, 0.1),
        Inner("momentum", lambda: optax.trace(0.9), "sgd", 0.03, 0.1),
        Inner("nesterov", lambda: optax.trace(0.9, nesterov=True), "sgd", 0.03, 0.1),
        Inner("clipped_momentum", _clipped_momentum, "sgd", 0.03, 0.1),
        Inner("adam", optax.scale_by_adam, "adaptive", 0.01, 0.001),
        Inner("adam_b2_0.95", lambda: optax.scale_by_adam(b2=0.95), "adaptive", 0.01, 0.001),
        Inner("adamw", _adamw, "adaptive", 0.01, 0.001, WEIGHT_DECAY),
        Inner("sign", _sign, "adaptive", 0.001, 0.001),
        Inner("lion", optax.scale_by_lion, "adaptive", 0.001, 0.001),
        Inner("rms", lambda: optax.scale_by_rms(0.99), "adaptive", 0.01, 0.001),
        Inner("muon", _muon, "adaptive", 0.03, 0.001, needs_matrices=True),
        Inner("momentum_0.95", lambda: optax.trace(0.95), "sgd", 0.03, 0.1),
        Inner("adam_b1_0.5", lambda: optax.scale_by_adam(b1=0.5), "adaptive", 0.01, 0.001),
        Inner("adam_b2_0.99", lambda: optax.scale_by_adam(b2=0.99), "adaptive", 0.01, 0.001),
        Inner("nadam", lambda: optax.scale_by_adam(nesterov=True), "adaptive", 0.01, 0.001),
        Inner("amsgrad", optax.scale_by_amsgrad, "adaptive", 0.01, 0.001),
        Inner("adagrad", optax.scale_by_rss, "adaptive", 0.1, 0.001),
        Inner(
            "lamb",
            lambda: optax.chain(optax.scale_by_adam(), optax.scale_by_trust_ratio()),
            "adaptive",
            0.01,
            0.001,
            needs_matrices=True,
        ),
        Inner(
            "factored_rms",
            lambda: optax.scale_by_factored_rms(min_dim_size_to_factor=4),
            "adaptive",
            0.01,
            0.001,
            needs_matrices=True,
        ),
    )
}

"""A differential equation, solved by a network that is held to it at random times."""

import jax
import jax.numpy as jnp
import numpy as np

from experiments.suite import networks
from experiments.suite.problem import Problem

DURATION, FRICTION, START_ANGLE = 4.0, 0.3, 1.5
HELD_OUT_TIMES = 200


def pendulum(*hidden: int, batch_size: int, push: float) -> Problem:
    r"""A damped pendulum that is let go at rest.

    .. math:: \tfrac12 \overline{(u'' + 0.3\, u' + \sin u - \sigma z)^2}
       + \tfrac12 (u(0) - 1.5)^2 + \tfrac12 u'(0)^2

    over random times, where z is new noise at each; a network that holds everywhere has
    :math:`\sigma^2 / 2`. Held out are fixed times and fixed noise; altered: it starts on the
    other side.

    Reference: Raissi et al., Physics-informed neural networks, 2019,
    doi:10.1016/j.jcp.2018.10.045.

    Args:
      *hidden: tanh units of the layers.
      batch_size: times a step.
      push: sigma, the noise of what drives the pendulum.
    """
    generator = np.random.default_rng(38)
    times = np.linspace(0.0, DURATION, HELD_OUT_TIMES)
    arrays = {
        "times": jnp.asarray(times, jnp.float32),
        "pushes": jnp.asarray(networks.normal(generator, (HELD_OUT_TIMES,), push)),
    }

    def draw(generator, steps):
        drawn = generator.uniform(0.0, DURATION, (steps, batch_size)).astype(np.float32)
        return drawn, networks.normal(generator, (steps, batch_size), push)

    def batch(arrays, drawn, altered):
        return *drawn, jnp.where(altered, -START_ANGLE, START_ANGLE)

    def motion(params, times):
        """Angle, speed and acceleration."""

        def angle(times):
            inputs = (2.0 / DURATION * times - 1.0)[:, None]
            return networks.dense_apply(params, inputs, jnp.tanh)[:, 0]

        def angle_and_speed(times):
            return jax.jvp(angle, (times,), (jnp.ones_like(times),))

        (angles, speeds), (_, accelerations) = jax.jvp(
            angle_and_speed, (times,), (jnp.ones_like(times),)
        )
        return angles, speeds, accelerations

    def loss(params, batch):
        times, pushes, start = batch
        angles, speeds, accelerations = motion(params, jnp.append(times, 0.0))
        forces = accelerations + FRICTION * speeds + jnp.sin(angles)
        equation = 0.5 * jnp.mean(jnp.square(forces[:-1] - pushes))
        return equation + 0.5 * jnp.square(angles[-1] - start) + 0.5 * jnp.square(speeds[-1])

    def held_out(params, arrays, altered):
        return loss(params, batch(arrays, (arrays["times"], arrays["pushes"]), altered))

    return Problem(
        arrays,
        lambda generator: networks.dense_init(generator, (1, *hidden, 1), 1.0),
        draw,
        batch,
        loss,
        held_out,
    )

"""One optimizer on one model: what XLA counts, what is kept, and how long it takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_aware as oa
from experiments.overhead.contenders import OURS, Contender
from experiments.overhead.models import Subject, noise

Update = Callable[[Any, Any, Any], tuple[Any, Any]]
"""Maps the parts of a `Carry` to the new parameters and state."""


class Carry(NamedTuple):
    """What one update hands to the next, in the order in which it hands it.

    JAX gives donated buffers to results of their shape in the order of both: parameters that
    come behind the state and leave in front of it take the buffers of the moments, and all of them
    are copied.

    Attributes:
      given: the parameters of one update ago, the noise of a scan, or an empty tuple.
      params: the parameters.
      opt_state: the optimizer's state.
    """

    given: Any
    params: Any
    opt_state: Any


@dataclass
class Program:
    """A compiled update, what it goes on from, and what was seen when it was made."""

    subject: Subject
    contender: Contender
    update: Any
    carry: Carry
    trace_seconds: float
    compile_seconds: float
    state_bytes: int
    temporary_bytes: float
    flops: float
    bytes_accessed: float

    def seconds(self, steps: int) -> float:
        """Make some updates and return how long they took."""
        begun = time.perf_counter()
        for _ in range(steps // (self.subject.scanned or 1)):
            self.carry = _advance(self.subject, self.update, self.carry)
        jax.block_until_ready(self.carry)
        return time.perf_counter() - begun

    def held(self) -> float:
        """How many updates were left out or led back to a snapshot so far, where it is known."""
        if self.contender.kind != OURS:
            return np.nan
        seen = oa.report(self.carry.opt_state)
        return float(seen.skipped + seen.rewound)


class Costs(NamedTuple):
    """One optimizer on one model, against the bare one.

    Attributes:
      milliseconds: of one update, in each turn.
      bare_milliseconds: of one of the bare one, in the turns before them.
      held: updates in these turns that were left out or led back to a snapshot; NaN where the
        optimizer does not tell.
      params_bytes: bytes of the parameters.
      state_bytes: bytes of the state.
      bare_state_bytes: bytes of the bare one's.
      temporary_bytes: bytes that the program needs besides while it runs.
      bare_temporary_bytes: bytes that the bare one's needs.
      flops_ratio: operations that XLA counts, the bare one's being 1; NaN for a scan, of which
        it counts one iteration.
      bytes_ratio: bytes accessed that XLA counts, likewise.
      trace_seconds: until the program was handed to XLA.
      bare_trace_seconds: of the bare one.
      compile_seconds: until XLA had compiled it.
      bare_compile_seconds: of the bare one.
    """

    milliseconds: np.ndarray
    bare_milliseconds: np.ndarray
    held: float
    params_bytes: int
    state_bytes: int
    bare_state_bytes: int
    temporary_bytes: float
    bare_temporary_bytes: float
    flops_ratio: float
    bytes_ratio: float
    trace_seconds: float
    bare_trace_seconds: float
    compile_seconds: float
    bare_compile_seconds: float


def measure(ours: Program, bare: Program, turns: int) -> Costs:
    """Let both take turns, so that what slows the machine down slows both."""
    subject = ours.subject
    our_times, bare_times = [], []
    held_before = ours.held()
    for _ in range(turns):
        bare_times.append(bare.seconds(subject.steps))
        our_times.append(ours.seconds(subject.steps))
    counted = np.nan if subject.scanned else 1.0
    return Costs(
        milliseconds=1e3 / subject.steps * np.array(our_times),
        bare_milliseconds=1e3 / subject.steps * np.array(bare_times),
        held=ours.held() - held_before,
        params_bytes=_bytes(ours.carry.params),
        state_bytes=ours.state_bytes,
        bare_state_bytes=bare.state_bytes,
        temporary_bytes=ours.temporary_bytes,
        bare_temporary_bytes=bare.temporary_bytes,
        flops_ratio=counted * ours.flops / bare.flops,
        bytes_ratio=counted * ours.bytes_accessed / bare.bytes_accessed,
        trace_seconds=ours.trace_seconds,
        bare_trace_seconds=bare.trace_seconds,
        compile_seconds=ours.compile_seconds,
        bare_compile_seconds=bare.compile_seconds,
    )


def prepare(subject: Subject, contender: Contender) -> Program:
    """Compile the update of an optimizer, and make those before the first turn."""
    transformation = optax.with_extra_args_support(contender.make())
    carry = _first(subject, transformation)
    begun = time.perf_counter()
    lowered = _jitted(subject, _update(subject, transformation)).lower(*carry)
    traced = time.perf_counter()
    compiled = lowered.compile()
    finished = time.perf_counter()
    counted, memory = compiled.cost_analysis() or {}, compiled.memory_analysis()
    program = Program(
        subject,
        contender,
        compiled,
        carry,
        traced - begun,
        finished - traced,
        _bytes(carry.opt_state),
        np.nan if memory is None else memory.temp_size_in_bytes,
        counted.get("flops", np.nan),
        counted.get("bytes accessed", np.nan),
    )
    program.seconds(subject.warm_up)
    return program


def count_traces(contender: Contender, subject: Subject) -> int:
    """How often an update is traced in a run that is steered by hand, saved and restored."""
    transformation = optax.with_extra_args_support(contender.make())
    traced = []

    def update(*arguments: Any) -> tuple[Any, Any]:
        traced.append(None)
        return _update(subject, transformation)(*arguments)

    compiled = jax.jit(update)
    carry = _first(subject, transformation)
    for edit in (None, _halve_the_rate, oa.reset, _save_and_restore):
        if edit is not None and (contender.kind == OURS or edit is _save_and_restore):
            carry = carry._replace(opt_state=edit(carry.opt_state))
        for _ in range(subject.warm_up):
            carry = _rotated(subject, compiled, carry)
    return len(traced)


def _halve_the_rate(opt_state: Any) -> Any:
    return oa.set_learning_rate(opt_state, 0.5 * oa.learning_rate(opt_state))


def _save_and_restore(opt_state: Any) -> Any:
    return jax.tree.map(lambda leaf: jnp.asarray(np.asarray(leaf)), opt_state)


def _first(subject: Subject, transformation: optax.GradientTransformationExtraArgs) -> Carry:
    params = subject.params()
    given = subject.params() if subject.takes_last else ()
    if subject.scanned:
        given = noise(params, subject.scanned)
    return Carry(given, params, jax.jit(transformation.init)(params))


def _jitted(subject: Subject, update: Update) -> Any:
    if subject.scanned:

        def several(given: Any, *carry: Any) -> Carry:
            def one(carry: tuple[Any, Any], given: Any) -> tuple[tuple[Any, Any], None]:
                return update(given, *carry), None

            return Carry(given, *jax.lax.scan(one, carry, given)[0])

        return jax.jit(several, donate_argnums=(0, 1, 2))
    # New parameters take the place of those that nobody looks at any more.
    return jax.jit(update, donate_argnums=(0, 2) if subject.takes_last else (1, 2))


def _advance(subject: Subject, program: Any, carry: Carry) -> Carry:
    return program(*carry) if subject.scanned else _rotated(subject, program, carry)


def _rotated(subject: Subject, update: Update, carry: Carry) -> Carry:
    params, opt_state = update(*carry)
    return Carry(carry.params if subject.takes_last else (), params, opt_state)


def _update(subject: Subject, transformation: optax.GradientTransformationExtraArgs) -> Update:
    def update(given: Any, params: Any, opt_state: Any) -> tuple[Any, Any]:
        value, gradients = subject.value_and_gradients(params, given)
        updates, opt_state = transformation.update(gradients, opt_state, params, value=value)
        return optax.apply_updates(params, updates), opt_state

    return update


def _bytes(tree: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree))

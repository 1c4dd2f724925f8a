from typing import NamedTuple


class State(NamedTuple):
    position: float
    velocity: float


class Spring(NamedTuple):
    stiffness: float
    damping: float = 0.1
    steps: int = 20


def step(state: State, spring: Spring, dt: float) -> State:
    force = -spring.stiffness * state.position - spring.damping * state.velocity
    velocity = state.velocity + dt * force
    return State(state.position + dt * velocity, velocity)


def energy(start: State, spring: Spring, dt: float) -> float:
    state = start
    for _ in range(spring.steps):
        state = step(state, spring, dt)
    return 0.5 * (spring.stiffness * state.position**2 + state.velocity**2)

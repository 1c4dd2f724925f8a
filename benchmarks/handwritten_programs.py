"""Gradients of three of the ten programs as a careful person writes them in NumPy: the mark for the generated ones.

In: what `loss` of the program takes. Out: the gradients of the parameters that are asked for. The forward sweep is the
user's; buffers are written in place where they are dead, and what is known to be symmetric is taken to be.

>>> mlp([(np.ones((2, 1)), np.zeros(1))], np.ones((3, 2)), np.zeros((3, 1)))
([(array([[4.],
       [4.]]), array([4.]))],)
"""

from __future__ import annotations

from typing import Any

import numpy as np


def mlp(
    layers: list[tuple[np.ndarray, np.ndarray]], X: np.ndarray, Y: np.ndarray
) -> tuple[list[tuple[np.ndarray, np.ndarray]]]:
    activations = [X]
    for W, b in layers[:-1]:
        activations.append(np.tanh(activations[-1] @ W + b))
    W, b = layers[-1]
    error = activations[-1] @ W + b
    error -= Y
    error *= 2.0 / len(X)
    gradients = [(activations[-1].T @ error, np.sum(error, axis=0))]
    bh = error @ W.T
    for k in range(len(layers) - 2, -1, -1):
        h = activations[k + 1]
        slope = h * h
        np.subtract(1.0, slope, out=slope)
        slope *= bh
        gradients.append((activations[k].T @ slope, np.sum(slope, axis=0)))
        if k > 0:
            bh = slope @ layers[k][0].T
    gradients.reverse()
    return (gradients,)


def kalman(A: np.ndarray, Q: np.ndarray, C: np.ndarray, R: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, ...]:
    m, P = np.zeros(len(A)), np.eye(len(A))
    states: list[tuple[Any, ...]] = []
    for y in observed:
        before = m, P
        m = A @ m
        AP = A @ P
        P = AP @ A.T + Q
        CP = C @ P
        S = CP @ C.T + R
        v = y - C @ m
        G = np.linalg.solve(S, CP).T
        w = np.linalg.solve(S, v)
        m = m + G @ v
        P = P - G @ S @ G.T
        states.append((*before, AP, S, w, G))
    bA, bQ, bR = np.zeros_like(A), np.zeros_like(Q), np.zeros_like(R)
    bm, bP = np.zeros_like(m), np.zeros_like(P)
    for m, P, AP, S, w, G in reversed(states):
        # P - G S G' is P - (CP)' S^-1 (CP), and G v is (CP)' S^-1 v.
        gain = G.T @ bm
        bS = G.T @ bP.T @ G
        bS -= np.outer(w, gain)
        bS += 0.5 * (np.linalg.inv(S) - np.outer(w, w))
        bR += bS
        bCP = np.outer(w, bm) - G.T @ (bP + bP.T) + bS @ C
        bm = bm - C.T @ (gain + w)
        bP = bP + C.T @ bCP
        bQ += bP
        APb = bP @ A
        bA += bP.T @ AP + APb @ P.T
        bA += np.outer(bm, m)
        bP = A.T @ APb
        bm = A.T @ bm
    return bA, bQ, bR


def heat(u: np.ndarray, rate: float, target: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    u = u.copy()
    changes: list[np.ndarray] = []
    for _ in range(steps):
        change = u[2:, 1:-1] + u[:-2, 1:-1]
        change += u[1:-1, 2:]
        change += u[1:-1, :-2]
        change -= 4.0 * u[1:-1, 1:-1]
        changes.append(change)
        u[1:-1, 1:-1] += rate * change
    bu = u - target
    bu *= 2.0
    brate = 0.0
    for change in reversed(changes):
        inner = bu[1:-1, 1:-1]
        brate += np.sum(inner * change)
        moved = rate * inner
        inner -= 4.0 * moved
        bu[2:, 1:-1] += moved
        bu[:-2, 1:-1] += moved
        bu[1:-1, 2:] += moved
        bu[1:-1, :-2] += moved
    return bu, brate

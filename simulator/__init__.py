"""A server and its users in virtual time: carries out a search's orders without any process or socket."""

from simulator.draws import Draw, constant, exponential, lognormal
from simulator.model import Model
from simulator.noise import BAD_VM, DEFAULT, QUIET, Noise
from simulator.simulator import Simulator, simulate

__all__ = [
    "BAD_VM",
    "DEFAULT",
    "QUIET",
    "Draw",
    "Model",
    "Noise",
    "Simulator",
    "constant",
    "exponential",
    "lognormal",
    "simulate",
]

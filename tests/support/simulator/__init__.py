"""A server and its users in virtual time: carries out a search's orders without any process or socket."""

from tests.support.simulator.draws import Draw, constant, exponential, lognormal
from tests.support.simulator.model import Model
from tests.support.simulator.noise import BAD_VM, DEFAULT, QUIET, Noise
from tests.support.simulator.simulator import Simulator, simulate

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

"""Compute for a fixed number of iterations, about 5 ms. CPU and the GIL are the limit."""

from floodmark.load import HttpStep, ScenarioUser


class CpuUser(ScenarioUser):
    cpu = HttpStep("GET", "/cpu", expect=b"floodmark:cpu")

"""Known answers: real servers whose saturation follows from a formula, measured by real runs, compared row by row.

A truth is a formula of ``formulas.py`` with what the server itself spends on a request, o, in it. o does not come from
floodmark: beside the run a server with one slot is kept saturated by two plain clients, so that its rate is
1 / (s + o) (``overhead.py``). What a row is held to stands beside its truth, in the module of its family.
"""

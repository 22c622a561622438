"""EPA SWMM 5.2 as the pipes under a flood: input files read and written, and a solver in a process of its own.

SWMM's engine keeps its state in globals, so one process holds one simulation. ``network`` starts a worker for each,
speaks to it in small messages and turns its death or its errors into refusals with a mend.
"""

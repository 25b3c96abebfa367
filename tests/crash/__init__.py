"""Crash harness: the loader dies, or is told that something failed, at every point it can.

`hooks` names what a run does to the world outside (a request, a file, a statement) and strikes
there; `process` is the run it strikes; `place` a warehouse with a work directory; `stage`
what places share; `invariants` says what must hold after every death and at the end, `marts` what
must hold of the marts. Five ways to use them: `copies` recovers from every death of a run, `points`
strikes at a point, or at several runs in a row, `histories` plays what a seed decides,
`test_stateful` lets hypothesis look for a history that breaks something, `guards` switches off one
protection after the other and demands that somebody notices.
`make crash SEEDS=1-20` runs them at length, `make scoreboard` sums up.
"""

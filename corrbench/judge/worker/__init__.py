"""The program of the target's process: it loads one target, calls it as told, and says what it saw.

These files are sent to the child as text, in the order of `corrbench.judge.target_process.FILES`, and become modules of
a package of another name there. They import nothing of ours, so that a child may run in any environment and a target
finds no judge beside it. No expected value ever comes here. `corrbench.judge.client` is the other end of the wire.
"""

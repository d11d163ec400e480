"""The places where convolutions have gone wrong: each line one idea, no two axes of the same length."""

from __future__ import annotations

from corrbench.case import Case

LINES = """
# every axis of its own length, every argument its own value
x=2,3,11,17 w=5,3,4,2 stride=2,3 padding=1,2 dilation=3,2 bias
x=3,8,13,10 w=6,4,2,5 stride=3,1 padding=2,0 dilation=1,2 groups=2 bias
x=2,6,9,14 w=9,2,5,3 stride=1,4 padding=0,3 dilation=2,1 groups=3
x=5,2,7,12 w=3,2,3,4 stride=3,2 bias
x=2,3,16,9 w=4,3,2,3 dilation=4,2
x=1,4,10,13 w=7,4,3,5 padding=3,1 bias
# taller than wide, wider than tall; single rows and columns
x=1,1,29,6 w=1,1,3,2
x=1,1,6,29 w=1,1,2,3
x=1,1,40,3 w=1,1,7,3
x=2,3,1,31 w=4,3,1,6 stride=1,2 padding=0,2
x=2,3,31,1 w=4,3,6,1 stride=2,1 padding=2,0 bias
x=1,1,1,64 w=1,1,1,5
x=1,1,64,1 w=1,1,5,1
# a signal: one kernel on one channel of one row or column, of about as many taps as a vector or two, padded
x=1,1,1,41 w=1,1,1,16 padding=0,8 bias
x=1,1,43,1 w=1,1,11,1 padding=5,0
x=2,1,1,37 w=1,1,1,31 padding=0,15
x=1,1,1,50 w=1,1,1,8 stride=1,2 padding=0,3
x=1,1,26,1 w=1,1,9,1 padding=4,0 dilation=2,1
# a filter on a photograph or a sound of more than 2**14 positions
x=1,1,133,131 w=1,1,3,3
x=1,1,137,133 w=1,1,5,5 bias
x=1,1,134,130 w=1,1,7,7 padding=3
x=1,1,1,17001 w=1,1,1,9 padding=0,4
# single elements
x=1,1,1,1 w=1,1,1,1 bias
x=3,2,1,1 w=5,2,1,1 bias
x=1,1,70,66 w=1,1,5,4
x=1,1,33,130 w=1,1,3,11
x=1,1,130,35 w=1,1,11,3
x=1,1,127,129 w=1,1,2,2
x=1,1,17,257 w=1,1,4,16
x=1,1,24,24 w=1,1,24,1
x=1,1,24,23 w=1,1,1,23
x=1,1,40,41 w=1,1,31,29
# the kernel is the image; one row or column more
x=2,3,5,4 w=6,3,5,4 bias
x=2,3,6,4 w=2,3,5,4
x=2,3,5,6 w=2,3,5,4
x=2,3,5,6 w=2,3,1,6
# remainders of the stride, each value, each axis
x=2,2,10,11 w=3,2,3,2 stride=4,5
x=2,2,11,12 w=3,2,3,2 stride=4,5
x=2,2,12,13 w=3,2,3,2 stride=4,5 bias
x=2,2,13,14 w=3,2,3,2 stride=4,5
x=2,2,9,8 w=3,2,2,3 stride=3,2 padding=1,0
x=2,2,8,9 w=3,2,2,3 stride=2,3 padding=0,1 groups=1
x=1,3,23,19 w=4,3,3,3 stride=2 padding=1
x=1,3,24,18 w=4,3,3,3 stride=2 padding=1 bias
x=1,4,15,22 w=8,2,3,3 stride=3 padding=2 groups=2
# stride larger than the kernel
x=2,3,13,17 w=4,3,2,1 stride=5,4
x=2,3,14,18 w=4,3,1,1 stride=3,2 bias
x=2,3,14,18 w=4,3,1,1 stride=2 padding=1
x=3,5,9,7 w=4,5,1,1 padding=2,1 bias
x=2,6,9,7 w=4,3,1,1 groups=2 bias
x=2,4,12,15 w=6,4,1,1 dilation=3,2
# padding: wider than the kernel, one axis only, as a word
x=2,3,4,5 w=3,3,2,3 padding=4,5 bias
x=2,3,4,5 w=3,3,3,3 padding=3
x=1,2,2,3 w=3,2,3,2 padding=5,1 dilation=2,1
x=2,3,7,6 w=4,3,3,3 padding=1,0
x=2,3,7,6 w=4,3,3,3 padding=0,1
x=2,3,7,10 w=4,3,3,5 padding=same bias
x=2,3,7,10 w=4,3,2,4 padding=same
x=2,3,8,9 w=4,3,4,2 padding=same dilation=1,3
x=2,3,8,9 w=4,3,3,2 padding=same dilation=2,3 bias
x=2,4,7,9 w=6,2,2,3 padding=same groups=2
x=1,2,1,1 w=3,2,3,2 padding=same
x=1,2,9,1 w=3,2,4,2 padding=same
x=2,3,7,6 w=4,3,1,1 padding=same
x=2,3,9,8 w=4,3,2,2 padding=same bias
x=2,3,8,9 w=4,3,4,4 padding=same
x=2,2,9,10 w=3,2,4,4 padding=same dilation=2
x=1,3,9,8 w=4,3,5,5 padding=same dilation=2 bias
x=1,2,9,10 w=3,2,6,6 padding=same
x=2,2,10,9 w=3,2,7,7 padding=same
x=2,3,7,6 w=4,3,3,2 padding=valid stride=2,1
x=2,4,7,6 w=4,2,3,2 padding=valid dilation=2 groups=2 bias
# large dilation, dilation with stride
x=2,2,23,20 w=3,2,3,3 dilation=9,8
x=2,2,19,26 w=3,2,2,4 stride=2,3 dilation=5,7 padding=2,1
x=2,3,15,16 w=2,3,3,3 stride=2 dilation=2 padding=2 bias
x=2,4,15,16 w=8,1,3,3 stride=3 dilation=2 groups=4
x=1,4,21,12 w=6,2,4,1 stride=1,2 dilation=5,1 groups=2
# groups and depthwise, multipliers 1, 2, 3
x=2,5,9,8 w=5,1,3,2 groups=5 padding=1 bias
x=2,5,9,8 w=10,1,3,2 groups=5 stride=2,1
x=2,4,9,8 w=12,1,2,3 groups=4 dilation=1,2 bias
x=1,7,11,6 w=7,1,3,3 groups=7 stride=2 padding=1
x=2,6,8,9 w=12,2,3,3 groups=3 padding=1 bias
x=2,8,6,7 w=4,2,3,2 groups=4
x=3,6,7,8 w=2,3,2,3 groups=2 padding=1,2
x=2,32,7,6 w=32,1,3,3 groups=32 padding=1 bias
x=2,24,6,7 w=48,1,3,3 groups=24 stride=2 padding=1
x=1,65,6,5 w=65,1,2,3 groups=65
x=1,130,5,4 w=130,1,3,3 groups=130 padding=1
x=2,18,8,7 w=54,1,2,2 groups=18 bias
x=1,32,5,6 w=16,16,2,3 groups=2 bias
x=1,9,6,8 w=27,3,3,2 groups=3 stride=2 padding=1 dilation=1,2 bias
# square and symmetric shapes, where mix-ups of axes hide but layouts are guessed
x=4,4,4,4 w=4,4,3,3 padding=1
x=3,3,3,3 w=3,3,3,3 padding=1 bias
x=8,8,8,8 w=8,8,1,1
x=2,5,5,5 w=5,5,2,2
# channel counts around block sizes
x=1,7,5,6 w=9,7,3,2
x=1,8,6,5 w=7,8,2,3 bias
x=1,9,5,6 w=8,9,3,2
x=1,15,5,6 w=17,15,2,2
x=1,16,6,5 w=15,16,2,3
x=1,17,5,6 w=16,17,3,2 bias
x=1,31,5,4 w=33,31,2,2
x=1,32,4,5 w=31,32,3,3 padding=1
x=1,33,5,4 w=32,33,2,2 bias
x=1,63,4,5 w=65,63,2,1
x=1,64,5,4 w=63,64,1,2 bias
x=1,65,4,5 w=64,65,2,2
x=1,127,4,3 w=5,127,3,2 padding=1
x=1,128,3,4 w=7,128,2,3
x=1,129,4,3 w=6,129,2,2 bias
x=1,3,4,5 w=127,3,2,2
x=1,3,5,4 w=129,3,2,3 bias
x=1,3,4,5 w=128,3,3,2
x=1,2,4,5 w=257,2,2,3
x=1,2,5,4 w=513,2,1,3 bias
x=1,255,3,4 w=4,255,2,2
x=1,257,4,3 w=3,257,2,2 bias
x=1,513,3,4 w=3,513,2,2
x=1,1025,2,3 w=2,1025,2,2
x=1,34,6,5 w=12,34,3,3 padding=1
x=1,48,6,7 w=20,48,3,3 stride=2
x=1,19,7,6 w=35,19,3,3 padding=1 bias
x=1,12,7,6 w=24,12,5,5 padding=2
# batches around block sizes
x=4,2,5,6 w=3,2,2,3
x=7,2,5,6 w=3,2,2,3 bias
x=8,2,6,5 w=3,2,3,2
x=9,3,5,6 w=2,3,2,3 padding=1
x=15,2,5,4 w=3,2,2,2
x=16,2,4,5 w=3,2,2,2 bias
x=17,2,5,4 w=3,2,2,3
x=31,1,5,4 w=2,1,2,3
x=32,2,4,5 w=2,2,3,2
x=33,2,5,4 w=2,2,2,2 bias
x=64,2,4,3 w=3,2,2,2
x=65,1,4,5 w=2,1,3,2
x=129,2,3,4 w=2,2,2,3
x=257,1,3,4 w=2,1,2,2 bias
x=20,4,6,5 w=6,2,3,2 groups=2 stride=2,1 padding=1
# images around block sizes
x=1,2,15,33 w=3,2,3,3
x=1,2,16,32 w=3,2,3,3 padding=1
x=1,2,17,31 w=3,2,3,3 bias
x=1,2,34,18 w=3,2,3,3 padding=1
x=1,2,63,20 w=3,2,3,2
x=1,2,21,65 w=3,2,2,3 padding=1
x=1,3,20,68 w=2,3,3,3 padding=1 bias
x=1,1,9,300 w=2,1,3,3 padding=1
x=1,1,300,9 w=2,1,3,3 padding=1
x=1,2,6,130 w=3,2,3,5 stride=1,2
x=1,1,5,1030 w=2,1,2,3
x=1,1,1030,5 w=2,1,3,2
x=1,4,10,10 w=4,4,3,3 padding=1
x=2,4,9,11 w=4,4,3,3 padding=1
x=2,16,12,13 w=16,16,3,3 padding=1 bias
x=1,16,14,15 w=16,16,3,3
# large kernels
x=1,2,20,23 w=2,2,7,7 padding=3
x=1,2,18,19 w=2,2,9,8 bias
x=1,2,21,25 w=2,2,11,13 stride=2 padding=5,6
x=1,1,36,40 w=2,1,17,19
x=1,2,40,36 w=1,2,33,31 padding=2
x=1,2,12,70 w=2,2,1,65
x=1,2,70,12 w=2,2,65,1 bias
x=2,3,16,15 w=4,3,5,5 padding=2 stride=2 bias
x=2,3,12,15 w=4,3,5,3 padding=2,1
# long sums
x=1,600,4,3 w=2,600,2,3
x=1,200,5,6 w=2,200,4,3 padding=1
x=1,2048,2,3 w=3,2048,1,2
x=1,5000,2,2 w=2,5000,2,1 bias
x=40,2,12,11 w=3,2,2,3
x=8,3,40,37 w=2,3,3,2
# indices beyond 15 and 16 bits
x=1,1,260,257 w=1,1,2,3
x=1,1,190,181 w=1,1,3,2
x=1,40,41,43 w=2,40,2,1
x=1,2,130,259 w=3,2,1,2 stride=1,2
x=1,65537,1,2 w=2,65537,1,1
x=1,2,1,2 w=65537,2,1,1 bias
x=65537,1,1,2 w=2,1,1,1 bias
x=1,1,2,65540 w=1,1,2,3
x=1,1,65540,2 w=1,1,3,2
x=1,33000,1,1 w=33000,1,1,1 groups=33000
# nothing
x=0,3,6,7 w=4,3,2,3 bias
x=0,4,6,7 w=6,2,3,2 groups=2 stride=2,1
"""


def cases(thorough: int, seed: int) -> list[Case]:
    """All lines; in quick without the one of very many groups, which takes as long as a hundred others."""
    lines = [line for line in LINES.splitlines() if line and not line.startswith("#")]
    found = [Case.parse(f"{line} data=small") for line in lines]
    return found if thorough else [case for case in found if case.groups < 10_000]

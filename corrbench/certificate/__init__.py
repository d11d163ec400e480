"""The certificate of a target for one case: what is shown of it, how, and what is assumed.

Testing cannot exclude that a target does something else on an input that nobody tried. So it is first shown that there
is no such input, which few tests then suffice for.
"""

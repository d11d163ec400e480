"""What does asv measure at every commit?

asv imports every module of this folder, in an environment that has only what asv.conf.json lists: no pytest here.
"""

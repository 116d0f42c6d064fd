"""Methods that behave in some way; in a module of their own, so that another process loads them quickly."""

import os
import sys
import time

import numpy as np


def halves(task, *, swap=0):
    """Label villages west and east of the middle; the first `swap` of them wrongly."""
    labels = (task.xy_m[:, 0] > np.median(task.xy_m[:, 0])).astype(np.int64)
    labels[:swap] = 1 - labels[:swap]
    return labels


def alone(task):
    """Leave everybody alone."""
    return np.full(len(task), -1, dtype=np.int64)


def elsewhere(task):
    """Do well, if only what it needs were installed."""
    return halves(task)


def raises(task):
    """Raise an error of two lines."""
    raise ValueError("first line\nthe last line")


def raises_sometimes(task, *, swap):
    """Raise an error with some settings."""
    if swap:
        raise ArithmeticError("odd")
    return halves(task)


def sleeps(task):
    """Take too long."""
    time.sleep(120)


def sleeps_sometimes(task, *, swap):
    """Take too long with some settings."""
    if swap:
        time.sleep(120)
    return halves(task)


def dies(task):
    """Take the process along."""
    os._exit(7)


def is_killed(task):
    """Be killed, as by a system without memory left."""
    os.kill(os.getpid(), 9)


def shouts(task):
    """Write to the screen by all ways there are."""
    os.write(1, b"shouted")
    os.write(2, b"shouted")
    sys.stdout.write("shouted")
    sys.stderr.write("shouted")
    return halves(task)

"""Models measured together, as a chapter does it."""

from seelike.measures.runner import assemble, feed


def measure_together(models, minibatches, make, *rest):
    """What `make(cast, *rest)` asks of models in their roles, and what it gathers of all minibatches."""
    (cast,), minibatches = assemble([models], minibatches)
    asked = make(cast, *rest)
    return asked.gather(feed(minibatches, cast))

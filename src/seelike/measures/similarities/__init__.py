"""How alike layers are on the same images: one file a measure, all from the Gram matrices of a minibatch."""

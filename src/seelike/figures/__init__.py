"""Results in, axes out: one file a kind of figure, their palette and style."""

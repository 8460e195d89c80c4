"""Results in, Markdown out."""

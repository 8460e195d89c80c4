"""A model's activations, by name, in one pass: its layers, tokens, attention and residual branches."""

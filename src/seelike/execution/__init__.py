"""Notebooks executed, run anew or measured without a page, and what their outputs depend on."""

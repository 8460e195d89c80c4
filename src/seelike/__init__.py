"""Recompute *Do Vision Transformers See Like Convolutional Neural Networks?* on any model and images."""

from seelike import zoo as zoo  # registers the bundled models with timm

"""Image sets by name: drawn, of a folder or of the hub."""

"""Any timm model by name, and the bundled ones with their weights."""

"""The bundled models' training, their cards and accuracy."""

"""What knows nothing of models or images: errors, progress, processes, paths."""

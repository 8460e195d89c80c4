"""What a researcher calls: one measure on a model and images of one's own, as a result with named axes."""

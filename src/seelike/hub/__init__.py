"""Files, image sets and refusals of the Hugging Face hub: checked by hash, offline afterwards."""

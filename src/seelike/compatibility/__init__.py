"""Which of timm's families work with which chapter."""

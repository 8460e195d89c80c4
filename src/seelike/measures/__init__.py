"""The measures, one idea a file, and intervals for what they find."""

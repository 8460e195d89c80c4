"""Where things lie in the staged book that one part lays there and Sphinx reads: it need not import what lays them."""

EXTRA = "extra"  # the folder whose contents come to lie at the root of the site
SOURCES = "sources.json"  # label of a figure with numbers → the result files that they are from

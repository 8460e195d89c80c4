#!/bin/sh
# What CKA costs on a GPU beside the passes of a large model: benchmarks/gpu.sh [--seconds 75] [--output FILE] (--help)
#
# Needs python3 (or $PYTHON) with torch, timm, numpy, scipy, pillow and wrapt; neither network nor installation. Takes at
# most the seconds that are given, 480 at most. $PEER may name a folder or wheel that holds pytorch-cka.
# Expected on one H100: `cka_over_forward` at most 1.3.
cd "$(dirname "$0")/.." || exit
PYTHONPATH="src${PEER:+:$PEER}${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 exec "${PYTHON:-python3}" benchmarks/gpu.py "$@"

"""`python -m seelike.training` trains the bundled models."""

import sys

from seelike.training.train import main

sys.exit(main())

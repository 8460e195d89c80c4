"""`python -m seelike.training` trains the bundled models."""

import sys

from seelike.training.command import main

sys.exit(main())

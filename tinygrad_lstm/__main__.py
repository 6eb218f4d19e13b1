"""`python -m tinygrad_lstm` is `tinygrad-lstm`."""

import sys

from .cli import main

sys.exit(main())

"""`python -m ops` is the command `corelane`."""

import sys

from ops.cli import main

sys.exit(main())

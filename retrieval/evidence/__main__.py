"""`python -m retrieval.evidence STORE EVIDENCE_ID…`: see `retrieval.recounting.command`."""

import sys

from retrieval.recounting.command import main

if __name__ == "__main__":
    sys.exit(main())

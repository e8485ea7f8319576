import sys

from hmmseq.cli import main

sys.exit(main())

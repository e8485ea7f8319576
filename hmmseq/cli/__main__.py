import sys

from hmmseq.cli import main

if __name__ == "__main__":
    sys.exit(main())

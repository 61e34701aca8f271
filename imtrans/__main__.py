"""``python -m imtrans``: the command line, where the console script is not on the path."""

from imtrans.cli.main import main

main()

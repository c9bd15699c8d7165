"""`python -m winbc_pipeline`: the `winbc` command, where its script is not on the path."""

from .cli.main import main

main()

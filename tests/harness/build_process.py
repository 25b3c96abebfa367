"""The loader as a process of its own, whose dbt finds what the tests have parsed of the project."""

import sys

from loader.__main__ import main
from tests.harness.quick_dbt import parsed_alike_everywhere

if __name__ == "__main__":
    with parsed_alike_everywhere():
        sys.exit(main(sys.argv[1:]))

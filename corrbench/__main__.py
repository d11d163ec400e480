"""`python -m corrbench`."""

from corrbench.cli import main

if __name__ == "__main__":
    main(prog_name="corrbench")

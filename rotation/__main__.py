"""``python -m rotation``: the command line."""

from rotation.cli import entry

if __name__ == "__main__":
    entry()

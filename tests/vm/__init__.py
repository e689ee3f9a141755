"""The README's first command on a bare Debian in an emulated machine: `make test-vm`. Scripts, not tests for pytest."""

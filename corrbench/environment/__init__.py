"""This machine, its packages, and the checkout: what changes a result without being the target."""

"""The pictures of the README, each drawn by one function of ``oa.plotting``."""

"""The pictures of the manual, each drawn by one function of ``oa.plotting``."""

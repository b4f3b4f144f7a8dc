"""The chapter of a textbook on learning rates, repeated in full and with policies beside it."""

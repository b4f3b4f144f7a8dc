"""A larger batch in place of a smaller learning rate, on digits with wrong labels."""

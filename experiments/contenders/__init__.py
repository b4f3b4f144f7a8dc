"""What decides the learning rate: schedules and policies, all for the same inner optimizer."""

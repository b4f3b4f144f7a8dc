"""What a run survives: losses and gradients that are not numbers, overflows, 16 bits, kills."""

"""Trains real models on real data, once per contender for the learning rate, and compares."""

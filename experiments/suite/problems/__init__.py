"""Problems to train on, by family."""

"""What an optimizer costs besides the training it does: time, memory and compilation."""

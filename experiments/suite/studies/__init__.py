"""What is asked of the contenders, a question a file."""

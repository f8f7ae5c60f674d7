"""What processes agree on: messages, topics, codes with their sentences, and the form of errors."""

"""What processes agree on: messages, topics, codes and their sentences, and how what is wrong is told."""

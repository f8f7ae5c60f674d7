"""What is kept of each record: from the topics into the read model."""

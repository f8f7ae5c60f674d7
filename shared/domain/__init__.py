"""What the words of this field mean, whoever uses them: texts, identifiers, contacts, countries. Pure."""

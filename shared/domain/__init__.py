"""Values of the domain and their rules: texts, identifiers, contacts, countries, access levels. Pure."""

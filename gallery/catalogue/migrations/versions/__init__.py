"""One module for each revision of the catalogue's tables."""

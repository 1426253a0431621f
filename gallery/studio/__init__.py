"""The studio: parametric synthetic faces, drawn with exact labels."""

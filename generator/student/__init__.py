"""Students: small networks that say what a drawing's embedding would be, without drawing."""

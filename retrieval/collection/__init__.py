"""The life of a collection: built, checked, compacted, carried, shown."""

"""The readers and packaged sets by name, without importing any: help texts need no more."""

READERS = {  # name: the module whose `read` reads it, imported when it is asked for
    "cmu-faces": "gallery.readers.cmu_faces",
    "folder": "gallery.readers.folder",
    "multipie": "gallery.readers.multipie",
    "studio": "gallery.readers.studio",
}
PACKAGED = {  # name: the module whose `read_mini` reads it
    "studio-mini": "gallery.readers.studio",
    "photographs-mini": "gallery.readers.photographs_mini",
}

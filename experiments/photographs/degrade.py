r"""Images of a set as photographs come: small, gray, blurred, noisy, compressed, cut a bit wrong.

What wears them, and why: gallery/wear.py.

Example: python -m experiments.photographs.degrade studio:lifts runs/worn --identities 30 --each 21
"""

import argparse
import sys
from pathlib import Path

from gallery.errors import UserError
from gallery.faces import first_identities
from gallery.readers.registry import open_faces
from gallery.wear import USUAL, Wear, write_worn
from generator.weights_file import find_weights, load_card

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("out", metavar="OUT", type=Path)
    parser.add_argument("--identities", metavar="N|SHARE", help="the first N people, or a share")
    parser.add_argument("--aside", metavar="WEIGHTS", help="people that their training set aside")
    parser.add_argument("--side", type=float, nargs=2, default=USUAL.side, help="of the squares")
    parser.add_argument("--each", type=int, default=21, help="images of every person")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        people = open_faces(given.spec)
        if given.identities is not None:
            people = people.of(first_identities(people, given.identities))
        if given.aside is not None:
            card = load_card(find_weights(given.aside))
            people = people.of(card.data.get("validation", ()))
        wear = Wear(side=(given.side[0], given.side[1]))
        written = write_worn(people, given.out, given.each, given.seed, wear)
    except UserError as error:
        sys.exit(f"Error: {error}")
    sys.stdout.write(f"{written} images: folder:{given.out}\n")
